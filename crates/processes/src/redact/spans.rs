//! Where secrets are in a text, and what is shown of it.

use std::ops::Range;

use super::SHOWN;

/// The parts of a text that are not shown.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<Range<usize>>);

impl Spans {
    /// Marks a part. Nothing is done for an empty one, nor for stars alone: each round must hide something new, or
    /// redacting what was redacted would never come to an end.
    pub(super) fn hide(&mut self, text: &[u8], span: Range<usize>) {
        if text[span.clone()].iter().any(|byte| *byte != b'*') {
            self.0.push(span);
        }
    }

    /// Marks all of these as well.
    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// End of the part marked last.
    pub(super) fn last_end(&self) -> Option<usize> {
        self.0.last().map(|span| span.end)
    }

    /// The parts in order, those that touch made one.
    pub(super) fn merged(mut self) -> Vec<Range<usize>> {
        self.0.sort_by_key(|span| span.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(self.0.len());
        for span in self.0 {
            match merged.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        merged
    }
}

/// `range` of the text as it is shown: `***` for what is hidden, U+FFFD for control characters and invalid UTF-8.
pub(super) fn shown(text: &[u8], range: Range<usize>, hidden: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(range.len());
    let mut at = range.start;
    let first = hidden.partition_point(|span| span.end <= range.start);
    for span in hidden[first..].iter().take_while(|span| span.start < range.end) {
        push_clean(&mut shown, &text[at..span.start.max(at)]);
        shown.push_str(SHOWN);
        at = span.end.min(range.end);
    }
    push_clean(&mut shown, &text[at..range.end]);
    shown
}

fn push_clean(shown: &mut String, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    shown.extend(text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }));
}
