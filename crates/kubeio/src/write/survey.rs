//! Finding what was made here before: a list that is read page by page and not kept.

use serde_json::Value;

use super::apply::PATIENCE;
use super::ownership;
use crate::cluster::{Call, CallError, Cluster, Verb};
use crate::resource::{Extent, Resource, encoded};

/// Objects of a page.
const PAGE: u32 = 500;

/// Largest page that is read: objects of the kinds that are written here take 100 KiB at most.
const PAGE_BYTES: usize = 64 << 20;

impl Cluster {
    /// Tells `each` of every object of a kind, in one namespace or all, that a label selector selects; "" selects all. If it fails
    /// in between, some have been told.
    pub async fn survey(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: &str,
        mut each: impl FnMut(Value) + Send,
    ) -> Result<(), CallError> {
        let mut next = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", resource.path(namespace));
            for (key, value) in [("labelSelector", labels), ("continue", &next)] {
                if !value.is_empty() {
                    path = format!("{path}&{key}={}", encoded(value));
                }
            }
            let plural = resource.plural;
            let (verb, extent, content) = (Verb::List, Extent::Whole, None);
            let call = Call { verb, resource: plural, path, extent, content, patience: PATIENCE };
            self.turn().await;
            let body = self.read(call, PAGE_BYTES).await?;
            let mut page: Value = serde_json::from_slice(&body).map_err(CallError::Malformed)?;
            if let Value::Array(items) = page["items"].take() {
                items.into_iter().for_each(&mut each);
            }
            page["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut next);
            if next.is_empty() {
                return Ok(());
            }
        }
    }

    /// Selects the objects that carry the labels of this release.
    pub fn our_labels(&self) -> String {
        let labels = ownership(self);
        let labels = labels.as_object().into_iter().flatten();
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
    }
}
