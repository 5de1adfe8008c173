//! Conditional reads: weak entity tags and `If-None-Match` (RFC 9110, section 13.1.2).

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

/// A weak entity tag: two bodies of one tag say the same, though not always byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakEtag(String);

impl WeakEtag {
    /// The tag of what a body says: the first 32 hex digits of the SHA-256 of `content`.
    pub fn of(content: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(content).into();
        let (head, _) = digest.split_first_chunk().expect("16 of 32 bytes");
        Self(format!("{:032x}", u128::from_be_bytes(*head)))
    }

    /// The value of the `ETag` header.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("hex digits and quotes are a header value")
    }

    /// Whether `If-None-Match` names this tag, so that the answer is 304 without a body. Compares weakly, knows lists
    /// in one or several headers, and `*`.
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|list| list.trim() == "*" || opaque_tags(list).any(|tag| tag == self.0))
    }
}

impl fmt::Display for WeakEtag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W/\"{}\"", self.0)
    }
}

/// What stands between the quotes: an opaque tag may hold commas, so every second part of a split at quotes is one.
fn opaque_tags(list: &str) -> impl Iterator<Item = &str> {
    list.split('"').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(if_none_match: &[&'static str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in if_none_match {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        assert_eq!(WeakEtag("abc".to_owned()).is_known_to(&headers), expected, "{if_none_match:?}");
    }

    #[test]
    fn a_tag_is_known_by_any_entry_of_a_list_weak_or_strong() {
        check(&[r#"W/"abc""#], true);
        check(&[r#""abc""#], true);
        check(&[r#""x", W/"y,z" ,W/"abc""#], true);
        check(&[r#""x""#, r#""abc""#], true);
        check(&[" * "], true);
    }

    #[test]
    fn a_tag_that_is_not_named_is_not_known() {
        check(&[], false);
        check(&[""], false);
        check(&["abc"], false);
        check(&[r#""ABC""#], false);
        check(&[r#""x,abc""#], false);
    }

    #[test]
    fn a_tag_is_the_head_of_the_sha256_of_its_content() {
        assert_eq!(WeakEtag::of(b"t0ken").header(), r#"W/"b46c09677343261f0b439a472422225e""#);
    }
}
