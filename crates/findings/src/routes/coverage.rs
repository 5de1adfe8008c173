//! What was looked at.

use axum::extract::State;
use axum::http::HeaderMap;
use web::NoQuery;

use super::{Fresh, Views, conditional};
use crate::coverage::coverage;
use crate::plan::Reason;
use crate::wire::{Coverage, Refusals};

/// Shows what was looked at, and what was not.
pub(super) async fn show(State(views): State<Views>, _: NoQuery, asked: HeaderMap) -> Fresh<Coverage> {
    let refused = |reason| views.findings.refused(reason);
    let refused = Refusals {
        full: refused(Reason::Full),
        evidence: refused(Reason::Evidence),
        malformed: refused(Reason::Malformed),
    };
    let answer = views.findings.ask(|book| coverage(book, &views.findings.expected(), refused));
    let newest =
        answer.sources.iter().filter_map(|source| source.last_round.as_ref()).map(|round| round.ended_at).max();
    conditional(views.freshness(newest, answer.complete), &asked, &answer)
}
