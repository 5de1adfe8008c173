//! `/proc/<pid>/stat`, read apart.
//!
//! Owns the format (proc_pid_stat(5)) and nothing else. Field numbers below are the man page's.

/// The bytes of a `stat` that are read; a real one stays far below.
pub(crate) const MAX_BYTES: usize = 4 << 10;

/// What is needed of a `stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat<'a> {
    /// Field 2, without its parentheses. A process may put anything there, parentheses and line ends too.
    pub(crate) comm: &'a [u8],
    /// Field 3.
    pub(crate) state: u8,
    /// Field 4.
    pub(crate) parent: u32,
    /// Field 9.
    pub(crate) flags: u32,
    /// Fields 14 and 15 together: CPU time in clock ticks.
    pub(crate) cpu_ticks: u64,
    /// Field 20.
    pub(crate) threads: u64,
    /// Field 22: start after boot in clock ticks.
    pub(crate) start_ticks: u64,
}

/// The text is no `stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MalformedStat {
    #[error("no closing parenthesis")]
    NoParenthesis,
    #[error("field {0} is missing or no number")]
    Field(usize),
    #[error("larger than 4 KiB")]
    TooLarge,
}

impl<'a> Stat<'a> {
    /// Reads a `stat` apart. Fields are counted after the *last* `)`.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, MalformedStat> {
        if text.len() > MAX_BYTES {
            return Err(MalformedStat::TooLarge);
        }
        let open = text.iter().position(|byte| *byte == b'(').ok_or(MalformedStat::NoParenthesis)?;
        let close = text.iter().rposition(|byte| *byte == b')').ok_or(MalformedStat::NoParenthesis)?;
        let comm = text.get(open + 1..close).ok_or(MalformedStat::NoParenthesis)?;
        let mut rest = Fields { fields: text[close + 1..].split(u8::is_ascii_whitespace), next: 3 };
        let state = rest.text(3)?.first().copied().ok_or(MalformedStat::Field(3))?;
        Ok(Self {
            comm,
            state,
            parent: rest.number(4)?,
            flags: rest.number(9)?,
            cpu_ticks: rest.number::<u64>(14)?.saturating_add(rest.number(15)?),
            threads: rest.number(20)?,
            start_ticks: rest.number(22)?,
        })
    }

    /// True for a thread of the kernel: PF_KTHREAD (include/linux/sched.h), and nothing else.
    pub(crate) fn is_kernel_thread(&self) -> bool {
        const PF_KTHREAD: u32 = 0x0020_0000;
        self.flags & PF_KTHREAD != 0
    }

    /// True if the leader has ended and waits for its parent, or for its other threads.
    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// True if nothing of the process runs any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_zombie() && self.threads <= 1
    }
}

/// The fields after comm, in order.
struct Fields<I> {
    fields: I,
    next: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Fields<I> {
    /// Field `number`; asked for in ascending order.
    fn text(&mut self, number: usize) -> Result<&'a [u8], MalformedStat> {
        let ahead = number - self.next;
        self.next = number + 1;
        self.fields.by_ref().filter(|field| !field.is_empty()).nth(ahead).ok_or(MalformedStat::Field(number))
    }

    fn number<N: std::str::FromStr>(&mut self, number: usize) -> Result<N, MalformedStat> {
        let text = self.text(number)?;
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(MalformedStat::Field(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEP: &[u8] =
        b"4121 (sleep) S 4100 4121 4100 34816 4121 4194304 98 0 0 0 3 4 0 0 20 0 1 0 8123456 5853184 480\n";

    #[test]
    fn a_stat_is_read_by_its_field_numbers() {
        let expected = Stat {
            comm: b"sleep",
            state: b'S',
            parent: 4100,
            flags: 4_194_304,
            cpu_ticks: 7,
            threads: 1,
            start_ticks: 8_123_456,
        };
        assert_eq!(Stat::parse(SLEEP), Ok(expected));
    }

    #[test]
    fn a_comm_may_hold_parentheses_spaces_and_line_ends() {
        let text = [b"1 (a) S 1 (\n) b) ", &SLEEP[13..]].concat();
        assert_eq!(
            Stat::parse(&text).map(|stat| (stat.comm, stat.start_ticks)),
            Ok((&b"a) S 1 (\n) b"[..], 8_123_456))
        );
    }

    #[test]
    fn a_stat_without_a_parenthesis_with_too_few_fields_or_too_large_is_refused() {
        assert_eq!(Stat::parse(b"1 sleep S 1"), Err(MalformedStat::NoParenthesis));
        assert_eq!(Stat::parse(b")1 ("), Err(MalformedStat::NoParenthesis));
        assert_eq!(Stat::parse(b"1 (sleep) S 1 1 1"), Err(MalformedStat::Field(9)));
        assert_eq!(Stat::parse(b"1 (sleep) S x"), Err(MalformedStat::Field(4)));
        assert_eq!(Stat::parse(&vec![b' '; MAX_BYTES + 1]), Err(MalformedStat::TooLarge));
    }

    #[test]
    fn a_kernel_thread_is_known_by_its_flag_bit() {
        let mut stat = Stat::parse(SLEEP).unwrap();
        assert!(!stat.is_kernel_thread());
        stat.flags |= 0x0020_0000;
        assert!(stat.is_kernel_thread());
    }

    #[test]
    fn a_zombie_leader_with_other_threads_has_not_ended() {
        let stat = Stat { state: b'Z', ..Stat::parse(SLEEP).unwrap() };
        assert!(stat.has_ended());
        assert!(!Stat { threads: 2, ..stat }.has_ended());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_a_stat_panic(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = Stat::parse(&text);
        }
    }
}
