//! The routes of a node: its violations, its rules, its coverage.
//!
//! Owns paths, queries and headers. What is answered, `node` knows.

use api::Violation;
use axum::extract::State as Of;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::routes::get;
use web::{Fault, Json, NoQuery, Query, Rendered, Routes};

use crate::headers::{BOOT, INTERVAL, LAST_PASS, NODE, PASSES, RULES, TRUNCATED};
use crate::listing::State;
use crate::node::{List, Node, NotScannedYet};

/// Routes of the API listener of a node.
pub fn routes(node: &Node) -> Routes {
    Routes::new()
        .open(get("/health", "Says that the process answers at all.", health))
        .read(
            get("/api/violations", "Lists violations, sorted by namespace, pod, process, pid and rule.", list)
                .with_state(node.clone()),
        )
        .read(
            get("/api/v1/rules", "Shows the active rule set, and the last one that was refused.", rules)
                .with_state(node.clone()),
        )
        .read(get("/api/v1/coverage", "Shows how much of the node was looked at.", coverage).with_state(node.clone()))
}

/// That the process answers at all.
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

async fn health(_: NoQuery) -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Which violations are listed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Filter {
    /// `open` (default), `resolved` or `all`.
    state: State,
}

/// Lists violations, sorted by namespace, pod, process, pid and rule.
async fn list(
    Of(node): Of<Node>,
    Query(filter): Query<Filter>,
    asked: HeaderMap,
) -> Result<Rendered<Vec<Violation>>, Fault> {
    let list = node.list(filter.state, |etag| etag.is_known_to(&asked))?;
    let headers = headers(&node, &list);
    Ok(match list.body {
        None => Rendered::new((StatusCode::NOT_MODIFIED, headers)),
        Some(body) => Rendered::new((headers, [(header::CONTENT_TYPE, "application/json")], body)),
    })
}

/// Which rules are listed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RuleFilter {
    /// Only rules of these packs.
    pack: Vec<String>,
    /// Only rules that are, or are not, enabled.
    enabled: Option<bool>,
}

/// Shows the active rule set, and the last one that was refused.
async fn rules(Of(node): Of<Node>, Query(filter): Query<RuleFilter>) -> Json<api::rules::RulesAnswer> {
    let RuleFilter { pack, enabled } = filter;
    let mut answer = node.rules();
    answer.rules.retain(|rule| {
        (pack.is_empty() || pack.contains(&rule.pack)) && enabled.is_none_or(|enabled| rule.enabled == enabled)
    });
    Json(answer)
}

/// Shows how much of the node was looked at.
async fn coverage(Of(node): Of<Node>, _: NoQuery) -> Json<api::coverage::Coverage> {
    Json(node.coverage())
}

impl From<NotScannedYet> for Fault {
    fn from(NotScannedYet: NotScannedYet) -> Self {
        Self::unavailable("not-scanned-yet", "the first pass has not ended yet", 1)
    }
}

/// The same on 200 and on 304: freshness does not depend on who has which list.
fn headers(node: &Node, list: &List) -> HeaderMap {
    let about = node.about();
    let List { etag, body: _, last_pass, passes, interval, rules, left_out } = list;
    let mut headers = HeaderMap::from_iter([
        (header::ETAG, etag.header()),
        (NODE, text(&about.name)),
        (BOOT, text(&about.boot_id)),
        (LAST_PASS, text(&last_pass.to_string())),
        (PASSES, HeaderValue::from(*passes)),
        (INTERVAL, text(&milliseconds(interval.as_secs_f64()).to_string())),
        (RULES, text(rules)),
    ]);
    if *left_out > 0 {
        headers.insert(TRUNCATED, HeaderValue::from(*left_out));
    }
    headers
}

/// Seconds without the digits that nobody reads.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A node's name comes from the settings and may hold what a header may not.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static("?"))
}

#[cfg(test)]
mod tests;
