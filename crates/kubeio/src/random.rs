//! Numbers that look random, from a seed.
//!
//! Owns jitter. Nothing secret is made of it.

use std::time::Duration;

/// A sequence (splitmix64) that a seed decides.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A duration between two, both included, in milliseconds.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let spread = u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(u64::MAX - 1);
        from + Duration::from_millis(self.next() % (spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_lies_between_its_bounds() {
        let mut random = Random::new(7);
        let [from, to] = [3, 9].map(Duration::from_millis);
        let drawn: std::collections::BTreeSet<_> = (0..200).map(|_| random.between(from, to)).collect();
        assert_eq!((drawn.first(), drawn.last(), drawn.len()), (Some(&from), Some(&to), 7));
    }
}
