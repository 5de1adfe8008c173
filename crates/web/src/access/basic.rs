//! A user name and a password that are good for the routes that name them, and for no other.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// More than any user name and password of the settings, and of base64 a header full of them.
const DECODED_BYTES: usize = 1024;

/// The user who may use some routes by basic auth (RFC 7617); nobody until one is set. Clones share it, and a change
/// holds for the next request.
#[derive(Clone, Default)]
pub struct BasicAuth(Arc<ArcSwapOption<Hash>>);

/// SHA-256 of `user:password`.
type Hash = [u8; 32];

impl BasicAuth {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on this user and no other. A user name holds no colon.
    pub fn set(&self, user: &str, password: &str) {
        let mut hash = Sha256::new();
        hash.update(user);
        hash.update(":");
        hash.update(password);
        self.0.store(Some(Arc::new(hash.finalize().into())));
    }

    /// From now on nobody.
    pub fn clear(&self) {
        self.0.store(None);
    }

    /// Whether `encoded`, the base64 of `user:password`, is this user's. Takes as long for every credential of a length.
    pub(super) fn knows(&self, encoded: &[u8]) -> bool {
        let mut decoded = [0; DECODED_BYTES];
        let known = self.0.load();
        let (Some(known), Ok(length)) = (known.as_deref(), STANDARD.decode_slice(encoded, &mut decoded)) else {
            return false;
        };
        let hash: Hash = Sha256::digest(&decoded[..length]).into();
        known.ct_eq(&hash).into()
    }
}

impl fmt::Debug for BasicAuth {
    /// Says whether there is a user, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BasicAuth").field(&self.0.load().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(encoded: &str, expected: bool) {
        let auth = BasicAuth::new();
        auth.set("scraper", "pa:ss");
        assert_eq!(auth.knows(encoded.as_bytes()), expected, "{encoded}");
    }

    #[test]
    fn the_user_is_known_by_name_and_password() {
        check(&STANDARD.encode("scraper:pa:ss"), true);
        check(&STANDARD.encode("scraper:pa:s"), false);
        check(&STANDARD.encode("scrape:rpa:ss"), false);
        check(&STANDARD.encode("scraper"), false);
        check("not base64", false);
        check(&STANDARD.encode("a".repeat(2000)), false);
    }

    #[test]
    fn without_a_user_nobody_is_known() {
        let auth = BasicAuth::new();
        assert!(!auth.knows(STANDARD.encode(":").as_bytes()));
        auth.set("", "");
        auth.clear();
        assert!(!auth.knows(STANDARD.encode(":").as_bytes()));
    }
}
