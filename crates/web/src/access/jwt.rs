//! What can be told of a JSON Web Token (RFC 7519) without knowing who made it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Header {
    /// Every signed token says how it is signed.
    #[serde(rename = "alg")]
    _algorithm: String,
}

#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970; the standard allows fractions.
    exp: Option<f64>,
}

/// Whether `token` has the form of a signed JWT: three parts of base64url, of which the first is a header.
pub(super) fn has_the_form(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b'.');
    let header = parts.next().and_then(part::<Header>);
    let is_part = |part: &[u8]| !part.is_empty() && part.iter().all(|byte| is_base64url(*byte));
    header.is_some() && parts.next().is_some_and(is_part) && parts.next().is_some_and(is_part) && parts.next().is_none()
}

/// Whether `token` says of itself that it was good until before `now`.
pub(super) fn has_expired(token: &[u8], now: Timestamp) -> bool {
    let claims = token.split(|byte| *byte == b'.').nth(1).and_then(part::<Claims>);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact in a float")]
    let now = now.as_second() as f64;
    claims.and_then(|claims| claims.exp).is_some_and(|exp| exp < now)
}

fn part<T: for<'de> Deserialize<'de>>(encoded: &[u8]) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(header: &str, claims: &str) -> Vec<u8> {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)).into_bytes()
    }

    #[test]
    fn three_parts_of_which_the_first_is_a_header_are_a_jwt() {
        assert!(has_the_form(&jwt(r#"{"alg":"RS256","kid":"a"}"#, "{}")));
        assert!(!has_the_form(&jwt(r#"{"kid":"a"}"#, "{}")));
        for other in ["t0ken", "a.b.c", "", "..", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJub25lIn0.e30.a.b"] {
            assert!(!has_the_form(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_token_says_itself_when_it_expires() {
        let now = Timestamp::from_second(1000).unwrap();
        let expired = |claims| has_expired(&jwt(r#"{"alg":"RS256"}"#, claims), now);
        assert_eq!([r#"{"exp":999}"#, r#"{"exp":1000.5}"#, "{}"].map(expired), [true, false, false]);
    }
}
