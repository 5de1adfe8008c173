//! Names that are valid once they exist: container ids, pod uids, fingerprints.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The id a container runtime gave a container: 64 lowercase hex digits, always.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ContainerId(String);

/// The uid of a pod as its cgroup gives it: 8-4-4-4-12 hex digits with dashes, or, for a static pod, the 32 hex digits
/// of its configuration hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PodUid(String);

/// The identity of a finding: the first 32 hex digits of SHA-256 over its identifying fields, joined by one NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Fingerprint([u8; FINGERPRINT_DIGITS]);

/// Kept as the digits themselves: a hundred thousand of them need no allocation of their own.
const FINGERPRINT_DIGITS: usize = 32;

/// The text does not have the form of the name it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {form}")]
pub struct InvalidName {
    text: String,
    form: &'static str,
}

impl ContainerId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 64 && is_lower_hex(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidName { text: text.to_owned(), form: "a container id (64 lowercase hex digits)" })
    }
}

impl PodUid {
    /// The uid as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PodUid {
    type Err = InvalidName;

    /// Accepts `_` for `-`, as the systemd cgroup driver writes it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let dashed = text.replace('_', "-");
        let groups: Vec<&str> = dashed.split('-').collect();
        let is_uuid =
            groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|g| is_lower_hex(g));
        let is_config_hash = dashed.len() == 32 && is_lower_hex(&dashed);
        if is_uuid || is_config_hash {
            return Ok(Self(dashed));
        }
        Err(InvalidName { text: text.to_owned(), form: "a pod uid (8-4-4-4-12 or 32 lowercase hex digits)" })
    }
}

impl Fingerprint {
    /// The fingerprint over `fields`, in this order.
    pub fn over<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = Sha256::new();
        for (position, field) in fields.into_iter().enumerate() {
            if position > 0 {
                hasher.update([0]);
            }
            hasher.update(field.as_bytes());
        }
        let mut digits = [0; FINGERPRINT_DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hasher.finalize()) {
            pair.copy_from_slice(&hex_of(byte));
        }
        Self(digits)
    }

    /// The fingerprint as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("it holds hex digits alone")
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes().try_into() {
            Ok(digits) if is_lower_hex(text) => Ok(Self(digits)),
            _ => Err(InvalidName { text: text.to_owned(), form: "a fingerprint (32 lowercase hex digits)" }),
        }
    }
}

macro_rules! textual {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
    )*};
}

textual!(ContainerId, PodUid, Fingerprint);

/// Bytes as lowercase hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| hex_of(*byte)).map(char::from).collect()
}

fn hex_of(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)])
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_head_of_the_sha256_of_fields_joined_by_nul() {
        let of_a_pod = [
            "process",
            "miner-name",
            "worker-3",
            "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11",
            "41233",
            "8123456",
            "8712f785-1a3e-41ec-a00b-e2dcc77431cb",
            &"4f1c".repeat(16),
        ];
        assert_eq!(Fingerprint::over(of_a_pod).as_str(), "51c1a2699889f2178cd1d27121a3f655");
        let of_a_host = [&of_a_pod[..6], &["", ""]].concat();
        assert_eq!(Fingerprint::over(of_a_host).as_str(), "814f470cbb513b1a2f7af0e0392d2d4c");
        let legacy = ["process", "legacy", "worker-3", "ns-shop", "cart-0", "xmrig", "^xmrig$"];
        assert_eq!(Fingerprint::over(legacy).as_str(), "400b8f5943e844226efc03f02623b252");
    }

    #[test]
    fn a_pod_uid_is_served_with_dashes() {
        let uid: PodUid = "8712f785_1a3e_41ec_a00b_e2dcc77431cb".parse().unwrap();
        assert_eq!(uid.as_str(), "8712f785-1a3e-41ec-a00b-e2dcc77431cb");
    }

    #[test]
    fn a_static_pods_configuration_hash_is_a_pod_uid() {
        assert!("0123456789abcdef0123456789abcdef".parse::<PodUid>().is_ok());
    }

    #[test]
    fn a_name_of_another_form_is_refused_with_the_form_that_is_accepted() {
        let error = "4F1C".parse::<ContainerId>().unwrap_err();
        assert_eq!(error.to_string(), "`4F1C` is not a container id (64 lowercase hex digits)");
    }
}
