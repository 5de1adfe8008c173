//! Lines out of pieces.
//!
//! Owns where a line begins and ends. A line within one piece is handed on without a copy.

use memchr::memchr;

/// A longer line is refused. etcd keeps objects of 1.5 MiB at most, and the server adds little.
pub(super) const LINE_BYTES: usize = 8 * 1024 * 1024;

/// A line has more than [`LINE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// The part of a line whose end has not come.
#[derive(Debug, Default)]
pub(super) struct Framing {
    begun: Vec<u8>,
}

impl Framing {
    /// Hands the lines that `piece` completes to `take`, until that is false; empty lines are none.
    pub(super) fn push(&mut self, mut piece: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), TooLong> {
        while let Some(end) = memchr(b'\n', piece) {
            let (rest, next) = (&piece[..end], &piece[end + 1..]);
            if self.begun.len() + rest.len() > LINE_BYTES {
                return Err(TooLong);
            }
            if !self.begun.is_empty() {
                self.begun.extend_from_slice(rest);
                take(&self.begun);
                self.begun.clear();
            } else if !rest.is_empty() {
                take(rest);
            }
            piece = next;
        }
        if self.begun.len() + piece.len() > LINE_BYTES {
            return Err(TooLong);
        }
        self.begun.extend_from_slice(piece);
        Ok(())
    }

    /// Whether a line has begun that has not ended.
    pub(super) fn is_within_a_line(&self) -> bool {
        !self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let mut framing = Framing::default();
        let mut lines = Vec::new();
        for piece in pieces {
            framing.push(piece, |line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        }
        (lines, framing.is_within_a_line())
    }

    #[test]
    fn a_line_goes_on_in_the_next_piece() {
        let pieces: [&[u8]; 4] = [b"one\ntw", b"o", b"\n\nthree\n", b"fo"];
        assert_eq!(lines(&pieces), (["one", "two", "three"].map(str::to_owned).to_vec(), true));
    }

    #[test]
    fn a_line_over_8_mib_is_refused_before_it_is_kept() {
        let mut framing = Framing::default();
        let piece = vec![b'x'; LINE_BYTES];
        assert_eq!(framing.push(&piece, |_| ()), Ok(()));
        assert_eq!(framing.push(b"x", |_| ()), Err(TooLong));
    }

    proptest! {
        #[test]
        fn where_a_text_is_cut_does_not_matter(text in "[ab\n]{0,60}", cuts in prop::collection::vec(0usize..60, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let expected: Vec<String> = whole.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect();
            let within = text.rsplit('\n').next().is_some_and(|last| !last.is_empty());
            prop_assert_eq!(lines(&pieces), (expected, within));
        }
    }
}
