//! Percent-decoding of query strings and paths, strict: what is malformed is told, not guessed.

use std::borrow::Cow;

/// The text that `encoded` stands for in a query, `+` being a space; `None` if an escape is broken or the bytes are no
/// UTF-8.
pub(crate) fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    let is_escaped = encoded.bytes().any(|byte| matches!(byte, b'%' | b'+'));
    if is_escaped { decode_with(encoded, b' ').map(Cow::Owned) } else { Some(encoded.into()) }
}

/// The text that `encoded` stands for in a path, where `+` is itself.
pub(crate) fn decode_path(encoded: &str) -> Option<Cow<'_, str>> {
    if encoded.contains('%') { decode_with(encoded, b'+').map(Cow::Owned) } else { Some(encoded.into()) }
}

fn decode_with(encoded: &str, plus: u8) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => plus,
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_pluses_become_the_text_they_stand_for() {
        assert_eq!(decode("a%20b+c%C3%A9").as_deref(), Some("a b cé"));
        assert_eq!(decode_path("a%20b+c").as_deref(), Some("a b+c"));
    }

    proptest! {
        #[test]
        fn every_text_survives_its_escapes(text: String) {
            let escaped = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            prop_assert_eq!(decode(&escaped).map(Cow::into_owned), Some(text));
        }
    }

    #[test]
    fn a_broken_escape_and_broken_utf8_are_told() {
        for encoded in ["%", "%4", "%zz", "a%C3", "%+1"] {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }
}
