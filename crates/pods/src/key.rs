//! A key as a client writes it: exactly one of uid, address, container, or namespace and name.
//!
//! Owns the forms that are accepted, the errors of the others, and how a key is named when nothing has it.

use std::fmt;
use std::net::IpAddr;

use web::page::echo;

use crate::container::IdPrefix;
use crate::index::Key;
use crate::uid::Wanted;
use crate::wire::LookupKey;

/// A key and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    text: Text,
}

/// A key as it was sent; most have a pod, and are never named.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Uid(String),
    Address(String),
    Container(String),
    Name { namespace: String, name: String },
}

/// Why a key cannot be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("uid parameter is required")]
    Missing,
    #[error("{0} selectors are given (accepted: one of uid, ip, container, or namespace and name)")]
    Several(usize),
    #[error("name is given without namespace (accepted: namespace and name)")]
    NoNamespace,
    #[error("namespace is given without name (accepted: namespace and name)")]
    NoName,
    #[error("ip `{0}` is no address (accepted: IPv4 or IPv6 without a zone, such as 10.244.1.5 or fd00::5)")]
    Address(String),
    #[error(
        "container `{0}` is no container id (accepted: 64 hex digits or the first 12 at least, after containerd://, cri-o://, \
         docker:// or nothing)"
    )]
    Container(String),
}

/// An address, normalized; `None` for any other text.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

impl Asked {
    /// Reads the one key that is given; an empty text gives none.
    pub(crate) fn read(asked: LookupKey) -> Result<Self, KeyError> {
        let LookupKey { uid, container, ip, namespace, name } = asked;
        let [uid, container, ip, namespace, name] =
            [uid, container, ip, namespace, name].map(|text| text.filter(|text| !text.is_empty()));
        let by_name = name.as_ref().or(namespace.as_ref());
        match [uid.as_ref(), container.as_ref(), ip.as_ref(), by_name].into_iter().flatten().count() {
            0 => return Err(KeyError::Missing),
            1 => {}
            several => return Err(KeyError::Several(several)),
        }
        if let Some(uid) = uid {
            return Ok(Self { key: Key::Uid(Wanted::of(&uid)), text: Text::Uid(uid) });
        }
        if let Some(ip) = ip {
            let address = address(&ip).ok_or_else(|| KeyError::Address(echo(&ip)))?;
            return Ok(Self { key: Key::Address(address), text: Text::Address(ip) });
        }
        if let Some(container) = container {
            let prefix = IdPrefix::of(&container).ok_or_else(|| KeyError::Container(echo(&container)))?;
            return Ok(Self { key: Key::Container(prefix), text: Text::Container(container) });
        }
        let namespace = namespace.ok_or(KeyError::NoNamespace)?;
        let name = name.ok_or(KeyError::NoName)?;
        let key = Key::Name { namespace: namespace.as_str().into(), name: name.as_str().into() };
        Ok(Self { key, text: Text::Name { namespace, name } })
    }
}

impl fmt::Display for Asked {
    /// As answers name it: shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Text::Uid(uid) => write!(f, "pod with UID {}", echo(uid)),
            Text::Address(ip) => write!(f, "pod with IP {}", echo(ip)),
            Text::Container(container) => write!(f, "pod with container {}", echo(container)),
            Text::Name { namespace, name } => write!(f, "pod {}/{}", echo(namespace), echo(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, KeyError> {
        let of = |key: &str| pairs.iter().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned());
        Asked::read(LookupKey {
            uid: of("uid"),
            container: of("container"),
            ip: of("ip"),
            namespace: of("namespace"),
            name: of("name"),
        })
    }

    #[test]
    fn exactly_one_key_is_asked_for() {
        assert_eq!(asked(&[]), Err(KeyError::Missing));
        assert_eq!(asked(&[("uid", "")]), Err(KeyError::Missing));
        assert_eq!(asked(&[("uid", "a"), ("ip", "10.0.0.1")]), Err(KeyError::Several(2)));
        assert_eq!(asked(&[("name", "a")]), Err(KeyError::NoNamespace));
        assert_eq!(asked(&[("namespace", "a")]), Err(KeyError::NoName));
        assert_eq!(asked(&[("namespace", "a"), ("name", "b")]).unwrap().to_string(), "pod a/b");
    }

    #[test]
    fn addresses_are_normalized_and_have_no_zone() {
        let key = |text: &str| asked(&[("ip", text)]).map(|asked| asked.key);
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_eq!(key("fe80::1%eth0"), Err(KeyError::Address("fe80::1%eth0".to_owned())));
        assert_eq!(key("10.0.0.256"), Err(KeyError::Address("10.0.0.256".to_owned())));
    }

    #[test]
    fn a_long_text_is_repeated_in_part() {
        let named = asked(&[("uid", &"ü".repeat(5000))]).unwrap().to_string();
        assert_eq!(named, format!("pod with UID {}", "ü".repeat(128)));
    }
}
