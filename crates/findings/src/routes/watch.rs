//! Changes as they happen.

use api::finding::Finding;
use axum::extract::State;
use axum::http::HeaderMap;
use web::events::Events;
use web::{Fault, Query};

use super::query::filtered;
use super::{Views, unavailable};
use crate::feed::{Start, Wish, stream};

filtered! {
    /// Which findings, and how the stream begins. `state` chooses among those that are told at the beginning; changes are told from
    /// every state to every other.
    WatchQuery {
        /// Whether all findings that match are told first, as `opened`.
        initial: bool,
    }
}

/// Tells every change of findings.
pub(super) async fn watch(
    State(views): State<Views>,
    Query(query): Query<WatchQuery>,
    headers: HeaderMap,
) -> Result<Events<Finding>, Fault> {
    let wish = Wish::new(query.filter()?);
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default()).filter(|id| !id.is_empty());
    let start = match last {
        // What is no number of ours is older than anything that is kept.
        Some(id) => Start::After(id.parse().unwrap_or(-1)),
        None if query.initial => Start::Initial,
        None => Start::Now,
    };
    let Views { feed, stop, .. } = views;
    let events = stream(feed, wish, start, query.initial).await.map_err(|failure| unavailable(&failure))?;
    Ok(Events::new(events, stop))
}
