//! Numbers that look random and are the same every time.
//!
//! Owns the streams: every object has one of its own, named by the seed and its place, so that what one object draws never
//! shifts what the next one gets. The generator is that of the whole simulation, whose state is one word.

use crate::random::Random as Generator;

/// Letters of generated name suffixes: those of Kubernetes, without vowels and easily confused digits.
const SUFFIX: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const LOWER: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a stream is drawn for. The numbers are part of what a seed means.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Namespace = 1,
    Node = 2,
    Image = 3,
    App = 4,
    Workload = 5,
    Pod = 6,
    Part = 7,
    Names = 8,
}

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(Generator);

impl Random {
    /// The stream of one thing: its purpose, and two numbers that tell it from others of its sort.
    pub(crate) fn of(seed: u64, purpose: Purpose, of: u64, part: u64) -> Self {
        let mix = |state: u64, word: u64| Generator::new(state ^ word.wrapping_mul(0xd134_2543_de82_ef95)).next();
        Self(Generator::new([purpose as u64, of, part].into_iter().fold(seed, mix)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `bound`, which is not 0. The bias is below 2^-32, bounds being below 2^32.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u32::try_from(wide >> 64).expect("the upper half is below the bound")
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        let length = u32::try_from(among.len()).expect("choices are few");
        &among[self.below(length) as usize]
    }

    /// From 0 to 1, without 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(self.below(1 << 31)) / f64::from(1_u32 << 31)
    }

    /// `2 × length` hexadecimal digits would be bytes; this counts digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits);
        while text.len() < digits {
            let word = self.next();
            let digit = |at: usize| char::from(HEX[(word >> (at * 4) & 15) as usize]);
            text.extend((0..16.min(digits - text.len())).map(digit));
        }
        text
    }

    /// A uid, of the form of a version 4 UUID.
    pub(crate) fn uid(&mut self) -> String {
        self.0.uid()
    }
}

/// Five characters for the `index`-th of names that share a prefix; no two indexes have the same.
pub(crate) fn suffix(start: u64, index: u64) -> String {
    walk(start, index, SUFFIX, 5)
}

/// Six letters for the `index`-th namespace; no two indexes have the same.
pub(crate) fn letters(start: u64, index: u64) -> String {
    walk(start, index, LOWER, 6)
}

/// The last `length` digits of a number, in letters of generated names, the lowest first.
pub(crate) fn spell(number: u64, length: u32) -> String {
    digits(number, SUFFIX, length)
}

/// Walks the words of `length` letters by a stride that meets each of them once before it meets one again.
fn walk(start: u64, index: u64, alphabet: &[u8], length: u32) -> String {
    // A prime that divides neither alphabet's size, hence none of its powers.
    const STRIDE: u64 = 7_368_787;
    let words = (alphabet.len() as u64).pow(length);
    let word = (start % words + (index % words) * (STRIDE % words)) % words;
    digits(word, alphabet, length)
}

fn digits(number: u64, alphabet: &[u8], length: u32) -> String {
    let base = alphabet.len() as u64;
    let mut rest = number;
    let letter = |_| {
        let letter = alphabet[usize::try_from(rest % base).expect("an alphabet is short")];
        rest /= base;
        char::from(letter)
    };
    (0..length).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_of_one_prefix_are_all_different(start: u64) {
            let names: BTreeSet<String> = (0..2_000).map(|index| suffix(start, index)).collect();
            let spaces: BTreeSet<String> = (0..2_000).map(|index| letters(start, index)).collect();
            prop_assert_eq!((names.len(), spaces.len()), (2_000, 2_000));
        }

        #[test]
        fn a_number_stays_below_its_bound(seed: u64, bound in 1_u32..) {
            prop_assert!(Random(Generator::new(seed)).below(bound) < bound);
        }
    }
}
