//! The routes of the collection.
//!
//! Owns paths, queries and statuses. What is answered, `list` and `table` make of findings, on every replica.

use axum::extract::State as Of;
use axum::http::{HeaderMap, StatusCode, header};
use findings::Findings;
use runtime::shutdown::Stop;
use schemars::JsonSchema;
use serde::Deserialize;
use web::routes::{get, post};
use web::{Fault, Json, NoQuery, Query, Rendered, Routes};

use super::Collector;
use super::list::Filter;
use super::table::rows;
use super::wire::{CollectAnswer, NodeList, NodeRow, NodeState, ViolationList};

/// Routes of the API listener of a controller.
pub fn routes(collector: &Collector, findings: &Findings, _: &Stop) -> Routes {
    Routes::new()
        .read(get("/api/violations", "Lists the violations of all nodes.", violations).with_state(findings.clone()))
        .read(
            get("/api/v1/violations/nodes", "Shows how fresh what is known of each node is.", nodes)
                .with_state(findings.clone()),
        )
        .write(
            post("/api/v1/violations/collect", "Starts a collection now.", collect)
                .with_state(collector.clone())
                .on_leader(),
        )
}

/// Lists the violations of all nodes.
async fn violations(
    Of(findings): Of<Findings>,
    Query(filter): Query<Filter>,
    asked: HeaderMap,
) -> Result<Rendered<ViolationList>, Fault> {
    let wanted = filter.check()?;
    let (etag, list) = findings.ask(|book| {
        let etag = wanted.etag(book);
        let list = (!etag.is_known_to(&asked)).then(|| wanted.list(book));
        (etag, list)
    });
    let etag = (header::ETAG, etag.header());
    Ok(match list {
        None => Rendered::new((StatusCode::NOT_MODIFIED, [etag])),
        Some(list) => Rendered::new(([etag], axum::Json(list))),
    })
}

/// Which nodes are shown.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct NodeFilter {
    /// `fresh`, `stale` or `failed`; may be given several times.
    state: Vec<NodeState>,
}

/// Shows how fresh what is known of each node is.
async fn nodes(Of(findings): Of<Findings>, Query(filter): Query<NodeFilter>) -> Json<NodeList> {
    let NodeFilter { state } = filter;
    let items: Vec<NodeRow> =
        findings.ask(|book| rows(book).filter(|row| state.is_empty() || state.contains(&row.state)).collect());
    Json(NodeList { count: items.len(), items })
}

/// Starts a collection now.
async fn collect(Of(collector): Of<Collector>, _: NoQuery) -> Rendered<CollectAnswer> {
    let answer = match collector.nudge() {
        Ok(()) => CollectAnswer { started: true, reason: None },
        Err(why) => CollectAnswer { started: false, reason: Some(why.to_owned()) },
    };
    Rendered::new((StatusCode::ACCEPTED, axum::Json(answer)))
}
