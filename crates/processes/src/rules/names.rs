//! The names of a process: a rule needs one of them, an exemption every one that can be read.

use crate::process::Texts;

/// Which names of a process are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who(u8);

/// The names of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Names<'a> {
    comm: &'a [u8],
    argv0: Option<&'a [u8]>,
    first_word: Option<&'a [u8]>,
    exe: Option<&'a [u8]>,
}

/// Linux keeps this many bytes of a name in comm (`TASK_COMM_LEN` less the NUL, prctl(2)).
pub(super) const COMM_MAX: usize = 15;

impl Who {
    /// What is found is not a name.
    pub(super) const NO_NAME: Self = Self(0);
    pub(super) const COMM: Self = Self(1);
    const ARGV0: Self = Self(1 << 1);
    const FIRST_WORD: Self = Self(1 << 2);
    const EXE: Self = Self(1 << 3);
    /// Comm, by all that the kernel keeps of a longer name. Last, because a name that is met whole says more.
    pub(super) const COMM_TRUNCATED: Self = Self(1 << 4);

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The first of them.
    pub(super) const fn first(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }
}

impl<'a> Names<'a> {
    /// The names that `texts` show.
    pub(super) fn of(texts: &Texts<'a>) -> Self {
        let argv0 = texts.args().next().map(|argv0| argv0.strip_prefix(b"-").unwrap_or(argv0));
        let space = argv0.and_then(|argv0| Some(&argv0[..argv0.iter().position(|byte| *byte == b' ')?]));
        Self {
            comm: texts.comm,
            argv0: argv0.map(basename),
            first_word: space.map(basename),
            exe: texts.exe().map(|exe| basename(exe.path)),
        }
    }

    /// Each different name once, with all that bear it.
    pub(super) fn distinct(self) -> impl Iterator<Item = (&'a [u8], Who)> {
        let named = self.all();
        (0..named.len()).filter_map(move |index| {
            let (name, mut who) = named[index];
            let name = name?;
            if named[..index].iter().any(|(earlier, _)| *earlier == Some(name)) {
                return None;
            }
            for (later, other) in &named[index + 1..] {
                if *later == Some(name) {
                    who = who.with(*other);
                }
            }
            Some((name, who))
        })
    }

    /// The name that `who`, a single one, stands for.
    pub(super) fn get(self, who: Who) -> Option<&'a [u8]> {
        if who == Who::COMM_TRUNCATED {
            return Some(self.comm);
        }
        self.all().into_iter().find(|(_, other)| *other == who).and_then(|(name, _)| name)
    }

    /// Every name that can be read is among `who`.
    pub(super) fn are_all_in(self, who: Who) -> bool {
        let who = if who.has(Who::COMM_TRUNCATED) { who.with(Who::COMM) } else { who };
        self.all().into_iter().all(|(name, other)| name.is_none() || who.has(other))
    }

    /// What to call the process when no name matched: by its executable, else its first argument, else comm.
    pub(super) fn usual(self) -> &'a [u8] {
        let usable = |name: &&[u8]| !name.is_empty();
        self.exe.filter(usable).or(self.argv0.filter(usable)).unwrap_or(self.comm)
    }

    fn all(self) -> [(Option<&'a [u8]>, Who); 4] {
        let Self { comm, argv0, first_word, exe } = self;
        [(Some(comm), Who::COMM), (argv0, Who::ARGV0), (first_word, Who::FIRST_WORD), (exe, Who::EXE)]
    }
}

/// What follows the last slash.
pub(super) fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comm: &str, cmdline: &str, exe: Option<&str>, expected: &[&str]) {
        let texts = Texts { comm: comm.as_bytes(), cmdline: cmdline.as_bytes(), exe: exe.map(str::as_bytes) };
        let names: Vec<_> = Names::of(&texts).distinct().map(|(name, _)| String::from_utf8_lossy(name)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_process_is_called_by_comm_by_its_first_argument_and_by_its_executable() {
        check("a", "/x/b\0-c\0", Some("/y/d (deleted)"), &["a", "b", "d"]);
    }

    #[test]
    fn a_login_shells_hyphen_is_no_part_of_its_name() {
        check("bash", "-bash\0", Some("/bin/bash"), &["bash"]);
    }

    #[test]
    fn a_first_argument_with_a_space_gives_its_first_words_name_too() {
        check("a", "/x/b: main /y/c\0", None, &["a", "c", "b:"]);
    }

    #[test]
    fn a_process_without_arguments_is_called_by_comm_and_executable() {
        check("a", "\0\0", Some("/memfd:x (deleted)"), &["a", "memfd:x"]);
    }

    #[test]
    fn only_all_readable_names_together_are_all_names() {
        let names = Names::of(&Texts { comm: b"a", cmdline: b"b\0", exe: None });
        assert!(names.are_all_in(Who::COMM_TRUNCATED.with(Who::ARGV0)));
        assert!(!names.are_all_in(Who::COMM.with(Who::EXE)));
    }
}
