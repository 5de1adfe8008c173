//! Ids of containers and digests of images: their forms on the wire and in memory.

use crate::uid::{as_text, digit, hex};

/// The id of a container, as its runtime made it.
pub(crate) type Id = [u8; 32];

/// Whose id it is: the prefix of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Containerd,
    CriO,
    Docker,
}

/// An id that is asked for: all its digits, or the first twelve at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdPrefix {
    /// Lower-case hex digits.
    digits: String,
}

/// How many digits of an id may be asked for at least; the index finds ids by them.
const LEAST_DIGITS: usize = 12;

/// Bytes of an id that [`LEAST_DIGITS`] digits tell.
const LEAST_BYTES: usize = LEAST_DIGITS / 2;

impl Runtime {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Docker => "docker",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Containerd, Self::CriO, Self::Docker].into_iter().find(|runtime| runtime.as_str() == name)
    }
}

/// Runtime and id of a text such as `containerd://4f1c…`.
pub(crate) fn parse(text: &str) -> Option<(Runtime, Id)> {
    let (runtime, digits) = text.split_once("://")?;
    let id = thirty_two(digits)?;
    // What would be written in another way is kept as it is.
    digits.bytes().all(|byte| !byte.is_ascii_uppercase()).then_some((Runtime::named(runtime)?, id))
}

/// The text of an id, as it is in the API.
pub(crate) fn text(runtime: Runtime, id: &Id) -> String {
    let mut text = String::with_capacity(80);
    text.push_str(runtime.as_str());
    text.push_str("://");
    text.push_str(as_text(&hex::<64>(id)));
    text
}

/// The 64 hex digits after `sha256:` in an image id such as `ghcr.io/acme/cart@sha256:9b2f…`; `None` without them.
pub(crate) fn digest(image_id: &str) -> Option<&str> {
    let (_, digits) = image_id.rsplit_once("sha256:")?;
    (digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(digits)
}

/// What of an id is hashed: as much as every question tells.
pub(crate) fn hashed(id: &Id) -> &[u8] {
    &id[..LEAST_BYTES]
}

impl IdPrefix {
    /// Reads an id or a prefix of one, with or without the runtime in front; `None` in any other form.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let digits = match text.split_once("://") {
            Some((runtime, digits)) => Runtime::named(runtime).map(|_| digits)?,
            None => text,
        };
        let is_prefix = (LEAST_DIGITS..=64).contains(&digits.len()) && digits.bytes().all(|byte| digit(byte).is_some());
        is_prefix.then(|| Self { digits: digits.to_ascii_lowercase() })
    }

    /// An id in full.
    pub(crate) fn whole(id: &api::ContainerId) -> Self {
        Self { digits: id.as_str().to_owned() }
    }

    pub(crate) fn hashed(&self) -> [u8; LEAST_BYTES] {
        let digits = self.digits.as_bytes();
        std::array::from_fn(|at| {
            let value = |byte| digit(byte).expect("a prefix consists of hex digits");
            value(digits[2 * at]) << 4 | value(digits[2 * at + 1])
        })
    }

    pub(crate) fn matches(&self, id: &Id) -> bool {
        let digits = self.digits.as_bytes();
        let nibble = |at: usize| if at.is_multiple_of(2) { id[at / 2] >> 4 } else { id[at / 2] & 15 };
        digits.iter().enumerate().all(|(at, &byte)| digit(byte) == Some(nibble(at)))
    }

    /// Whether it names one container and no other.
    pub(crate) fn is_whole(&self) -> bool {
        self.digits.len() == 64
    }
}

/// The id that 64 hex digits are.
pub(crate) fn thirty_two(digits: &str) -> Option<Id> {
    let digits: &[u8; 64] = digits.as_bytes().try_into().ok()?;
    let mut id = [0; 32];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_runtime_and_32_bytes() {
        for runtime in ["containerd", "cri-o", "docker"] {
            let written = format!("{runtime}://{}", "4f1c".repeat(16));
            let (runtime, id) = parse(&written).unwrap();
            assert_eq!(text(runtime, &id), written);
        }
        assert_eq!(parse("podman://4f1c"), None);
        assert_eq!(parse(&"4f1c".repeat(16)), None);
    }

    #[test]
    fn an_id_is_asked_for_by_twelve_digits_or_more_with_or_without_runtime() {
        let (_, id) = parse(&format!("docker://{}", "4f1c".repeat(16))).unwrap();
        for asked in ["4f1c4f1c4f1c", "4F1C4F1C4F1C4", "containerd://4f1c4f1c4f1c", &"4f1c".repeat(16)] {
            let prefix = IdPrefix::of(asked).unwrap();
            assert!(prefix.matches(&id) && prefix.hashed() == hashed(&id), "{asked}");
        }
        assert!(!IdPrefix::of("4f1c4f1c4f1c5").unwrap().matches(&id));
        for refused in ["4f1c4f1c4f1", "rkt://4f1c4f1c4f1c", "4f1c4f1c4f1g", &"4f1c".repeat(17)] {
            assert_eq!(IdPrefix::of(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_digest_is_the_end_of_an_image_id() {
        let digits = "9b2f".repeat(16);
        for before in ["ghcr.io/acme/cart@", "docker-pullable://cart@", ""] {
            assert_eq!(digest(&format!("{before}sha256:{digits}")), Some(digits.as_str()));
        }
        assert_eq!((digest("cart:1.2"), digest("cart@sha256:9b2f")), (None, None));
    }
}
