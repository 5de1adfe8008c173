//! How many bytes of bodies are held, all of them together.
//!
//! Owns the count and its bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of records that are decoded and not stored yet. A node's usual answer is a few KiB, its largest `max_body`.
pub(crate) const HELD_BYTES: usize = 64 << 20;

/// The bound of all bodies together. Clones are of the same one.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    held: Arc<AtomicUsize>,
    bound: usize,
}

/// What one body holds; free when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bound: usize) -> Self {
        Self { held: Arc::default(), bound }
    }

    /// Of a body of which nothing is held yet.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Holds so many more bytes. Whether all bodies together are within the bound: if not, this one is to let go of what it has.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.budget.held.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.budget.bound
    }

    /// Holds nothing any more.
    pub(crate) fn empty(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_over_the_bound_of_all_is_told_to_let_go() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.grow(60) && other.grow(40));
        assert!(!other.grow(1));
        other.empty();
        assert!(other.grow(40));
        drop(one);
        assert!(other.grow(60) && !other.grow(1));
    }
}
