//! Where a list goes on: the text of `continue`.
//!
//! Owns its form: opaque to clients, the same on every replica, and good for one set of filters.

use std::fmt;

use crate::feed::Place;
use crate::uid::{Uid, digit, push_hex};

/// A place in a list, with what it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    bound: u64,
    place: Place,
}

/// Why a text is no place in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("this is not from a list (accepted: `continue` of the former page, as it is)")]
    Malformed,
    #[error("this is from a list with other filters (accepted: the same filters on every page)")]
    Foreign,
}

/// What a token begins with; another form would begin otherwise.
const FORM: &str = "1";

/// A number that is the same for the same texts, on every replica and in every version of the program (FNV-1a).
pub(crate) fn fingerprint(texts: &[&str]) -> u64 {
    // A text cannot have the byte that stands between two.
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Token {
    pub(crate) fn new(place: &Place, bound: u64) -> Self {
        Self { bound, place: place.clone() }
    }

    /// The place that `text` says, if it is from a list with the same filters.
    pub(crate) fn read(text: &str, bound: u64) -> Result<Place, TokenError> {
        let token = Self::parse(text).ok_or(TokenError::Malformed)?;
        if token.bound == bound { Ok(token.place) } else { Err(TokenError::Foreign) }
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(FORM)?.as_bytes();
        let bytes: Option<Vec<u8>> =
            digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
        let text = String::from_utf8(bytes?).ok()?;
        let parts: Vec<&str> = text.split('/').collect();
        let [bound, namespace, name, uid] = parts.as_slice() else { return None };
        let place = Place { namespace: (*namespace).into(), name: (*name).into(), uid: Uid::of(uid) };
        Some(Self { bound: u64::from_str_radix(bound, 16).ok()?, place })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound, place: Place { namespace, name, uid } } = self;
        let mut text = String::from(FORM);
        push_hex(&mut text, format!("{bound:x}/{namespace}/{name}/{uid}").as_bytes());
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_with_the_same_filters() {
        let uid = Uid::of("8712f785-1a3e-41ec-a00b-e2dcc77431cb");
        let place = Place { namespace: "shop".into(), name: "cart-0".into(), uid };
        let text = Token::new(&place, 7).to_string();
        assert_eq!(Token::read(&text, 7), Ok(place));
        assert_eq!(Token::read(&text, 8), Err(TokenError::Foreign));
        for text in ["", "1", "2ab", "1abc", "nonsense", "1zz", &text[..text.len() - 1]] {
            assert_eq!(Token::read(text, 7), Err(TokenError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_tells_where_a_text_ends() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["a"]), fingerprint(&["a"]));
    }
}
