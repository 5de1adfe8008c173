//! What identifies a pod: its uid, or the hash of a static pod's configuration.
//!
//! Owns the forms: `-` and `_` are the same, and so are upper and lower case (cgroup paths have underscores).

use std::fmt;

/// A uid as an object has it: sixteen bytes if it is written as the API server writes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Uid {
    /// 8-4-4-4-12 lower-case hex digits with dashes.
    Plain([u8; 16]),
    /// Anything else, as it is.
    Odd(Box<str>),
}

/// A hash of a static pod's configuration, as its annotation has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ConfigHash {
    /// 32 lower-case hex digits.
    Plain([u8; 16]),
    /// Anything else, as it is.
    Odd(Box<str>),
}

/// A uid that is asked for, in one form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    /// A uid or a hash of the usual length.
    Plain([u8; 16]),
    /// Lower case, with dashes.
    Odd(String),
}

impl Uid {
    pub(crate) fn of(text: &str) -> Self {
        match sixteen(text) {
            Some((bytes, Form::Dashed)) if text.as_bytes() == dashed(&bytes) => Self::Plain(bytes),
            _ => Self::Odd(text.into()),
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        match self {
            Self::Plain(bytes) => Wanted::Plain(*bytes),
            Self::Odd(text) => Wanted::of(text),
        }
    }

    pub(crate) const fn heap_bytes(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            Self::Odd(text) => text.len() + 8,
        }
    }
}

impl ConfigHash {
    pub(crate) fn of(text: &str) -> Self {
        match sixteen(text) {
            Some((bytes, Form::Bare)) if text.as_bytes() == hex::<32>(&bytes) => Self::Plain(bytes),
            _ => Self::Odd(text.into()),
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        match self {
            Self::Plain(bytes) => Wanted::Plain(*bytes),
            Self::Odd(text) => Wanted::of(text),
        }
    }
}

impl Wanted {
    pub(crate) fn of(text: &str) -> Self {
        match sixteen(text) {
            Some((bytes, _)) => Self::Plain(bytes),
            None => Self::Odd(text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()),
        }
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(bytes) => f.write_str(as_text(&dashed(bytes))),
            Self::Odd(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(bytes) => f.write_str(as_text(&hex::<32>(bytes))),
            Self::Odd(text) => f.write_str(text),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// With dashes or underscores.
    Dashed,
    /// Without.
    Bare,
}

/// Sixteen bytes, written as a uid or as 32 hex digits.
pub(crate) fn sixteen(text: &str) -> Option<(Bytes16, Form)> {
    let mut bytes = [0; 16];
    let form = if text.len() == 32 { Form::Bare } else { Form::Dashed };
    let text = text.as_bytes();
    let groups: &[(usize, usize)] = match (&form, text.len()) {
        (Form::Bare, _) => &[(0, 32)],
        (Form::Dashed, 36) if DASHES.iter().all(|&at| matches!(text[at], b'-' | b'_')) => {
            &[(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)]
        }
        (Form::Dashed, _) => return None,
    };
    let pairs = groups.iter().flat_map(|&(from, to)| text[from..to].chunks_exact(2));
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some((bytes, form))
}

type Bytes16 = [u8; 16];

/// The value of a hex digit.
pub(crate) const fn digit(byte: u8) -> Option<u8> {
    match VALUES[byte as usize] {
        NO_DIGIT => None,
        value => Some(value),
    }
}

const NO_DIGIT: u8 = u8::MAX;

/// Values of hex digits by byte: a look-up has no branches that digits at random would make the processor guess.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        values[DIGITS[value as usize].to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lower-case hex digits; `N` is twice as many as there are bytes.
pub(crate) fn hex<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut digits = [0; N];
    for (pair, &byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    digits
}

/// Digits and dashes as a text.
pub(crate) fn as_text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits and dashes are ASCII")
}

/// Where the dashes of a uid stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];

fn dashed(bytes: &Bytes16) -> [u8; 36] {
    let digits = hex::<32>(bytes);
    let mut text = [b'-'; 36];
    let ends = DASHES.into_iter().chain([text.len()]);
    let (mut start, mut taken) = (0, 0);
    for end in ends {
        let length = end - start;
        text[start..end].copy_from_slice(&digits[taken..taken + length]);
        (start, taken) = (end + 1, taken + length);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_found_however_it_is_written() {
        let uid = Uid::of("8712f785-1a3e-41ec-a00b-e2dcc77431cb");
        assert!(matches!(uid, Uid::Plain(_)));
        for text in ["8712f785_1a3e_41ec_a00b_e2dcc77431cb", "8712F785-1A3E-41EC-A00B-E2DCC77431CB"] {
            assert_eq!(Wanted::of(text), uid.wanted(), "{text}");
        }
        assert_eq!(uid.to_string(), "8712f785-1a3e-41ec-a00b-e2dcc77431cb");
    }

    #[test]
    fn a_uid_of_another_form_stays_as_it_is_and_is_found() {
        let uid = Uid::of("Pod_7");
        assert_eq!((uid.to_string().as_str(), uid.wanted()), ("Pod_7", Wanted::of("pod-7")));
    }

    #[test]
    fn a_configuration_hash_has_no_dashes() {
        let hash = ConfigHash::of("3e61c214bc3ed9ff81e21474dd6cba17");
        assert!(matches!(hash, ConfigHash::Plain(_)));
        assert_eq!(hash.to_string(), "3e61c214bc3ed9ff81e21474dd6cba17");
        assert_eq!(Wanted::of("3E61C214BC3ED9FF81E21474DD6CBA17"), hash.wanted());
    }
}
