//! The table of nodes, as the last round left it in the book: the same on every replica.
//!
//! Owns how rows lie there and come back.

use api::finding::Source;
use findings::round::Scope;
use findings::{Book, Facts};
use serde_json::Value;

use super::wire::{NodeCounts, NodeRow, NodeState};

/// A row as a round keeps it.
pub(crate) fn detail(row: &NodeRow) -> Facts {
    match serde_json::to_value(row).expect("texts and numbers are JSON") {
        Value::Object(map) => map.into(),
        _ => Facts::default(),
    }
}

/// Every node, by name. What was looked at under an earlier leader only is stale.
pub(crate) fn rows(book: &Book) -> impl Iterator<Item = NodeRow> {
    book.scopes(Source::Process).filter_map(|scope| row(book, scope))
}

/// Nodes by how fresh what is known of them is.
pub(crate) fn counts(book: &Book) -> NodeCounts {
    let mut counts = NodeCounts::default();
    for row in rows(book) {
        counts.total += 1;
        match row.state {
            NodeState::Fresh => counts.fresh += 1,
            NodeState::Stale => counts.stale += 1,
            NodeState::Failed => counts.failed += 1,
        }
    }
    counts
}

fn row(book: &Book, scope: &Scope) -> Option<NodeRow> {
    let mut row: NodeRow = serde_json::from_str(scope.detail.as_str()).ok()?;
    if let Some(stale) = book.stale_scope(Source::Process, &scope.name)
        && row.state == NodeState::Fresh
    {
        (row.state, row.reason) = (NodeState::Stale, stale.reason.clone());
    }
    Some(row)
}
