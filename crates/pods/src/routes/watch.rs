//! Changes as they happen.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use runtime::shutdown::Stop;
use serde::Deserialize;
use web::events::Events;
use web::{Fault, Query};

use super::list::selector;
use super::{freshness, not_synced};
use crate::feed::{Start, stream};
use crate::filter::WatchFilter;
use crate::pods::Pods;
use crate::wire::Pod;

/// Which pods, and how the stream begins.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WatchQuery {
    /// In this namespace.
    namespace: Option<String>,
    /// Placed on this node.
    node: Option<String>,
    /// Whose labels satisfy this selector, in the syntax of Kubernetes.
    label_selector: Option<String>,
    /// Whether all pods that exist are told first.
    initial: bool,
}

/// When a stream may be free.
const RETRY_S: u32 = 5;

impl Default for WatchQuery {
    fn default() -> Self {
        Self { namespace: None, node: None, label_selector: None, initial: true }
    }
}

/// Tells every change of pods.
pub(super) async fn watch(
    State((pods, stop)): State<(Pods, Stop)>,
    Query(query): Query<WatchQuery>,
    headers: HeaderMap,
) -> Result<([(HeaderName, HeaderValue); 1], Events<Pod>), Fault> {
    let WatchQuery { namespace, node, label_selector, initial } = query;
    let filter = WatchFilter { namespace, node, selector: selector(label_selector.as_deref())? };
    let fresh = freshness(&pods);
    if !pods.is_synced() {
        return Err(not_synced().with_header(fresh.0, fresh.1));
    }
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default());
    let most = pods.settings().watch_subscribers;
    let begun = pods.write(|state| {
        let listener = state.feed.subscribe(filter.clone(), most)?;
        let missed = last.filter(|id| !id.is_empty()).map(|id| state.feed.missed_since(id));
        Some((listener, missed))
    });
    let Some((listener, missed)) = begun else {
        let detail = format!("{most} streams are connected, as many as pods.watch_subscribers allows");
        return Err(Fault::unavailable("too-many-streams", detail, RETRY_S));
    };
    let all = if initial { Start::Initial } else { Start::Now };
    let (start, is_reset) = match missed {
        Some(Some(missed)) => (Start::Resume(missed), false),
        Some(None) => (all, true),
        None => (all, false),
    };
    let events = stream(pods, filter, listener, start, (initial, is_reset));
    Ok(([fresh], Events::new(events, stop)))
}
