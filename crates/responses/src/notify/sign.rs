//! Signatures of messages.
//!
//! Owns how they are computed. When, and of what, is said by the module of each type; always when sending.

use api::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The field `sign` of a Lark bot: the key is the time and the secret, the message is empty.
pub(crate) fn lark(secret: &str, timestamp: i64) -> String {
    STANDARD.encode(hmac(format!("{timestamp}\n{secret}").as_bytes(), b""))
}

/// The header `Keelwatch-Signature`.
pub(crate) fn webhook(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let signed = [format!("{timestamp}.").as_bytes(), body].concat();
    format!("t={timestamp},v1={}", hex(&hmac(secret.as_bytes(), &signed)))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lark_bot_accepts_what_is_signed_with_its_secret() {
        assert_eq!(lark("s3cret", 1_700_000_000), "IX3eHI0/v/Td7jqJ0ynSEK3Dq5JY3HUZeoeMgVZeZGo=");
    }

    #[test]
    fn a_webhook_signs_time_and_body() {
        let expected = "t=1700000000,v1=1c5b24400e91c3c2a54a5fc594c52fc115eb8e1d8d6b200dc40d90fa6ef6e273";
        assert_eq!(webhook("s3cret", 1_700_000_000, br#"{"event":"test"}"#), expected);
    }
}
