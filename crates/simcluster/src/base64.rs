//! Base64, in the two alphabets that Kubernetes uses.
//!
//! Owns the standard one with padding (secrets) and the one for URLs without (continue tokens).

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Standard alphabet, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = encode_with(STANDARD, bytes);
    text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
    text
}

/// Alphabet for URLs, not padded.
pub(crate) fn encode_url(bytes: &[u8]) -> String {
    encode_with(URL, bytes)
}

/// What [`encode_url`] encoded, or where it goes wrong.
pub(crate) fn decode_url(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for (at, byte) in text.bytes().enumerate() {
        let digit = URL.iter().position(|&digit| digit == byte).ok_or(at)?;
        bits = (bits << 6) | u32::try_from(digit).expect("an alphabet has 64 letters");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).expect("eight bits are a byte"));
        }
    }
    if text.len() % 4 == 1 { Err(text.len()) } else { Ok(bytes) }
}

fn encode_with(alphabet: &[u8; 64], bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| (bits << 8) | u32::from(byte)) << (8 * (3 - chunk.len()));
        for nth in 0..=chunk.len() {
            let digit = usize::try_from((bits >> (18 - 6 * nth)) & 63).expect("six bits fit");
            text.push(char::from(alphabet[digit]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_those_of_the_standard() {
        let encoded: Vec<String> = ["", "f", "fo", "foo", "foob"].iter().map(|text| encode(text.as_bytes())).collect();
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn a_letter_outside_the_alphabet_is_named_by_its_place() {
        assert_eq!(decode_url("ab!d"), Err(2));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            prop_assert_eq!(decode_url(&encode_url(&bytes)), Ok(bytes));
        }
    }
}
