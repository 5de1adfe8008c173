//! Names of kinds and objects, as the API server has them.
//!
//! Owns paths and versions of kinds. What is kept of an object is said by the room that judges it.

use std::fmt;

use serde::de::DeserializeOwned;

/// A kind of object. Metrics carry the plural as a label, so it is never a tenant's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resource {
    /// API group; "" for the core group.
    pub group: &'static str,
    /// For example `v1`.
    pub version: &'static str,
    /// As in paths, for example `pods`.
    pub plural: &'static str,
    /// As in objects, for example `Pod`.
    pub kind: &'static str,
}

/// Who an object is, as far as watching needs to know. Texts may be empty where the object has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta<'a> {
    /// `metadata.uid`; an object without one is unreadable.
    pub uid: &'a str,
    /// `metadata.namespace`; "" for cluster-wide objects.
    pub namespace: &'a str,
    /// `metadata.name`; an object without one is unreadable.
    pub name: &'a str,
    /// `metadata.resourceVersion`.
    pub version: &'a str,
}

/// The part of an object that is judged; everything else is skipped while it is decoded. Field order and unknown fields do not
/// matter. `#[serde(flatten)]` would decode each object twice and is not used.
pub trait Observed: DeserializeOwned + Send + 'static {
    /// Which kind this is a part of.
    const RESOURCE: Resource;

    /// How much of it the server is asked for.
    const EXTENT: Extent = Extent::Whole;

    /// Who it is.
    fn meta(&self) -> Meta<'_>;
}

/// How much of an object the server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// Only its metadata (`PartialObjectMetadata`), which spares the server and the network the rest.
    Metadata,
}

impl Resource {
    /// The `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Path of all its objects, of one namespace if there is one.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let api = self.api_version();
        match namespace {
            Some(namespace) => format!("/{root}/{api}/namespaces/{}/{}", encoded(namespace), self.plural),
            None => format!("/{root}/{api}/{}", self.plural),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            "" => f.write_str(self.plural),
            group => write!(f, "{}.{group}", self.plural),
        }
    }
}

/// The text as it may stand anywhere in a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => {
                encoded.extend([
                    '%',
                    char::from(HEX[usize::from(byte >> 4)]),
                    char::from(HEX[usize::from(byte & 0xf)]),
                ]);
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_group_has_paths_of_its_own() {
        let pods = Resource { group: "", version: "v1", plural: "pods", kind: "Pod" };
        let leases = Resource { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" };
        assert_eq!(pods.path(None), "/api/v1/pods");
        assert_eq!(leases.path(Some("a/b")), "/apis/coordination.k8s.io/v1/namespaces/a%2Fb/leases");
        assert_eq!((pods.to_string(), leases.to_string()), ("pods".into(), "leases.coordination.k8s.io".into()));
    }

    #[test]
    fn what_would_end_a_value_is_encoded() {
        assert_eq!(encoded("spec.nodeName=n&b é"), "spec.nodeName%3Dn%26b%20%C3%A9");
    }
}
