//! That no answer is larger than it may be, counted as it is read.

use axum::body::Bytes;

use super::OutgoingError;

/// What may still come of a body.
#[derive(Debug)]
pub(super) struct Bound {
    most: u64,
    /// None once more has come than may.
    left: Option<u64>,
}

impl Bound {
    pub(super) const fn new(most: u64) -> Self {
        Self { most, left: Some(most) }
    }

    /// Whether a body whose head tells this length can be within it.
    pub(super) fn admits(&self, length: Option<u64>) -> bool {
        length.is_none_or(|bytes| bytes <= self.most)
    }

    /// Fails once more has come than may.
    pub(super) fn check(&self) -> Result<(), OutgoingError> {
        self.left.map(drop).ok_or(OutgoingError::TooLarge(self.most))
    }

    /// As much of the next piece as is within it; fails if nothing is.
    pub(super) fn cut(&mut self, mut piece: Bytes) -> Result<Bytes, OutgoingError> {
        let left = self.left.unwrap_or_default();
        self.left = self.left.and_then(|left| left.checked_sub(piece.len() as u64));
        if self.left.is_none() {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        if piece.is_empty() { self.check().map(|()| piece) } else { Ok(piece) }
    }
}
