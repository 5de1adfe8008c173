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
            Some((bytes, Form::Dashed)) if text == dashed(&bytes) => Self::Plain(bytes),
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
            Some((bytes, Form::Bare)) if text == bare(&bytes) => Self::Plain(bytes),
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
            Self::Plain(bytes) => f.write_str(&dashed(bytes)),
            Self::Odd(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(bytes) => f.write_str(&bare(bytes)),
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
        (Form::Dashed, 36) if [8, 13, 18, 23].iter().all(|&at| matches!(text[at], b'-' | b'_')) => {
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
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends lower-case hex digits.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

fn dashed(bytes: &Bytes16) -> String {
    let mut text = String::with_capacity(36);
    for group in [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]] {
        if !text.is_empty() {
            text.push('-');
        }
        push_hex(&mut text, group);
    }
    text
}

fn bare(bytes: &Bytes16) -> String {
    let mut text = String::with_capacity(32);
    push_hex(&mut text, bytes);
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
