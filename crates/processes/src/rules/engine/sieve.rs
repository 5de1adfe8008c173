//! Tells quickly of most texts that they hold none of many literals.
//!
//! Owns nothing that decides: a text that passes may still hold none. It looks at three bytes at a time and, where no
//! literal can lie, leaps ahead (S. Wu and U. Manber, "A fast algorithm for multi-pattern searching", 1994).

/// Bytes that are looked at together.
const BLOCK: usize = 3;
/// Longer windows leap further, but fill the table sooner.
const WINDOW_MAX: usize = 12;
/// Shorter windows leap too little to be worth it.
const WINDOW_MIN: usize = 5;
const SLOT_BITS: u32 = 14;
/// A table that leaps less than this on average is too full: the automaton is as fast by itself.
const LEAP_MIN: usize = 2;

/// A sieve for literals, whatever their case.
#[derive(Debug)]
pub(super) struct Sieve {
    /// Beginnings of that length are looked for.
    window: usize,
    /// By the last block of a window: how far the nearest window is in which it may be followed by a hit.
    leaps: Box<[u8]>,
    /// By first and last block of a window: whether a literal begins like that.
    ends: Box<[bool]>,
}

impl Sieve {
    /// A sieve for these literals; `None` if it would hold back too little.
    pub(super) fn build<'p>(literals: impl Iterator<Item = &'p [u8]> + Clone) -> Option<Self> {
        let shortest = literals.clone().map(<[u8]>::len).min()?;
        let window = shortest.min(WINDOW_MAX);
        if window < WINDOW_MIN {
            return None;
        }
        let farthest = u8::try_from(window - BLOCK + 1).expect("a window is short");
        let mut leaps = vec![farthest; 1 << SLOT_BITS].into_boxed_slice();
        let mut ends = vec![false; 1 << SLOT_BITS].into_boxed_slice();
        for literal in literals {
            for (leap, end) in (0..farthest).zip((BLOCK..=window).rev()) {
                let slot = &mut leaps[slot(block(literal, end))];
                *slot = leap.min(*slot);
            }
            ends[slot(both(literal, window, window))] = true;
        }
        let all: usize = leaps.iter().copied().map(usize::from).sum();
        (all >= LEAP_MIN << SLOT_BITS).then_some(Self { window, leaps, ends })
    }

    /// Whether the text may hold a literal; if not, it holds none.
    pub(super) fn passes(&self, text: &[u8]) -> bool {
        let mut end = self.window;
        while end <= text.len() {
            let leap = self.leaps[slot(block(text, end))];
            if leap == 0 && self.ends[slot(both(text, end, self.window))] {
                return true;
            }
            end += usize::from(leap.max(1));
        }
        false
    }
}

/// The block that ends before `end`, letters of either case alike.
fn block(text: &[u8], end: usize) -> u32 {
    // Sets the bit in which upper and lower case differ. Some other bytes become alike too, which costs little.
    const FOLDED: u32 = 0x20_20_20;
    let bytes = &text[end - BLOCK..end];
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) | FOLDED
}

/// First and last block of the window that ends before `end`.
fn both(text: &[u8], end: usize, window: usize) -> u32 {
    block(text, end).rotate_left(8) ^ block(text, end - window + BLOCK).wrapping_mul(5)
}

/// Spreads blocks over the slots: multiplicative hashing by the golden ratio (D. E. Knuth, volume 3, 6.4).
fn slot(key: u32) -> usize {
    (key.wrapping_mul(0x9E37_79B1) >> (u32::BITS - SLOT_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_with_a_literal_is_held_back(
            literals in prop::collection::vec("[a-cA-C0-9 =-]{5,20}", 1..40),
            chosen: prop::sample::Index,
            before in "[a-cA-C -]{0,30}",
            after in "[a-cA-C -]{0,30}",
        ) {
            let sieve = Sieve::build(literals.iter().map(String::as_bytes)).unwrap();
            let text = format!("{before}{}{after}", chosen.get(&literals));
            prop_assert!(sieve.passes(text.as_bytes()));
            prop_assert!(sieve.passes(text.to_ascii_uppercase().as_bytes()));
        }
    }

    #[test]
    fn an_ordinary_text_is_held_back() {
        let sieve = Sieve::build([&b"stratum+tcp://"[..], b"--donate-level"].into_iter()).unwrap();
        assert!(!sieve.passes(b"/usr/lib/jvm/java-17/bin/java -Xmx512m -jar /opt/app/service.jar"));
        assert!(!sieve.passes(b"stratum"));
    }

    #[test]
    fn short_or_many_literals_have_no_sieve() {
        assert!(Sieve::build([&b"abcd"[..]].into_iter()).is_none());
        let many: Vec<[u8; 8]> =
            (1..20_000_u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes()).collect();
        assert!(Sieve::build(many.iter().map(<[u8; 8]>::as_slice)).is_none());
    }
}
