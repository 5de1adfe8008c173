//! The kinds of objects that are written, and their names on one line: `Notification/ns-shop/keelwatch-7d2434324b358635`.

use kubeio::Resource;
use kubeio::write::Target;

use crate::response::Response;

/// Plugins of the Higress gateway.
pub(crate) const WASM_PLUGINS: Resource =
    Resource { group: "extensions.higress.io", version: "v1alpha1", plural: "wasmplugins", kind: "WasmPlugin" };

/// Messages to tenants of Sealos.
pub(crate) const NOTIFICATIONS: Resource =
    Resource { group: "notification.sealos.io", version: "v1", plural: "notifications", kind: "Notification" };

/// Namespaces.
pub(crate) const NAMESPACES: Resource = Resource { group: "", version: "v1", plural: "namespaces", kind: "Namespace" };

impl Response {
    /// The kind that it writes.
    pub(crate) const fn resource(self) -> &'static Resource {
        match self {
            Self::WasmPlugin => &WASM_PLUGINS,
            Self::Notification => &NOTIFICATIONS,
            Self::NamespaceLabel => &NAMESPACES,
        }
    }

    /// The object of this name.
    pub(crate) fn target(self, object: &str) -> Option<Target> {
        let (_, path) = object.split_once('/')?;
        let (namespace, name) = match self {
            Self::NamespaceLabel => (None, path),
            Self::WasmPlugin | Self::Notification => {
                let (namespace, name) = path.split_once('/')?;
                (Some(namespace), name)
            }
        };
        Some(Target::new(self.resource(), namespace, name))
    }
}
