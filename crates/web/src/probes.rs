//! `/livez` and `/readyz`, as Kubernetes answers them for itself.
//!
//! Owns the routes. What is checked, and how a check is written, `runtime` knows.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runtime::probes::{Checks, Health};

use crate::Routes;
use crate::openapi::{Answers, Operation};
use crate::routes::get;

type AskHealth = Arc<dyn Fn() -> Health + Send + Sync>;

/// The probes: `/livez` by `health`, `/readyz` by `checks`. A probe has one job: it answers whatever else its query
/// says.
pub fn routes(checks: Checks, health: impl Fn() -> Health + Send + Sync + 'static) -> Routes {
    let health: AskHealth = Arc::new(health);
    Routes::new()
        .open(get("/livez", "Says whether the process lives.", livez).with_state(health))
        .open(get("/readyz", "Says whether it can serve; with `?verbose` one line a check.", readyz).with_state(checks))
}

/// What a probe answers: 200, or the status of a failure, and text.
#[derive(Debug)]
struct Probed(StatusCode, String);

async fn livez(State(health): State<AskHealth>) -> Probed {
    match health() {
        Health::Alive => Probed(StatusCode::OK, "ok".to_owned()),
        Health::Wedged(tasks) => {
            let mut text = String::new();
            for task in tasks {
                writeln!(text, "[-]{task} failed: it hangs").expect("a string takes every text");
            }
            Probed(StatusCode::INTERNAL_SERVER_ERROR, text + "livez check failed\n")
        }
    }
}

/// With `?verbose`, or when a check fails: one line a check.
async fn readyz(State(checks): State<Checks>, RawQuery(query): RawQuery) -> Probed {
    let verdict = checks.verdict();
    if !verdict.is_ready() {
        return Probed(StatusCode::SERVICE_UNAVAILABLE, format!("{verdict}readyz check failed\n"));
    }
    let is_verbose = |pair: &str| pair.split('=').next() == Some("verbose");
    let text = match query {
        Some(query) if query.split('&').any(is_verbose) => format!("{verdict}readyz check passed\n"),
        Some(_) | None => "ok".to_owned(),
    };
    Probed(StatusCode::OK, text)
}

impl IntoResponse for Probed {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl Answers for Probed {
    fn describe(operation: &mut Operation) {
        operation.answers_text(StatusCode::OK);
    }
}

#[cfg(test)]
mod tests {
    use runtime::probes::Check;

    use super::*;

    async fn ready(checks: &[(&'static str, Check)], query: Option<&str>) -> (u16, String) {
        let asked = Checks::default();
        for (name, check) in checks.iter().cloned() {
            asked.add(name, move || check.clone());
        }
        let Probed(status, text) = readyz(State(asked), RawQuery(query.map(str::to_owned))).await;
        (status.as_u16(), text)
    }

    async fn lives(health: Health) -> (u16, String) {
        let Probed(status, text) = livez(State(Arc::new(move || health.clone()))).await;
        (status.as_u16(), text)
    }

    #[tokio::test]
    async fn a_warning_is_shown_to_who_asks_and_keeps_200() {
        let checks = [("pods", Check::Ok), ("collect", Check::Warn("no answer yet".to_owned()))];
        let expected = "[+]pods ok\n[!]collect warning: no answer yet\nreadyz check passed\n";
        assert_eq!(ready(&checks, Some("verbose")).await, (200, expected.to_owned()));
        assert_eq!(ready(&checks, Some("a=b&verbose=true")).await, (200, expected.to_owned()));
        assert_eq!(ready(&checks, Some("verboser")).await, (200, "ok".to_owned()));
        assert_eq!(ready(&checks, None).await, (200, "ok".to_owned()));
    }

    #[tokio::test]
    async fn a_failure_is_503_and_told_unasked() {
        let checks = [("pods", Check::Ok), ("storage", Check::Fail("connection refused".to_owned()))];
        let expected = "[+]pods ok\n[-]storage failed: connection refused\nreadyz check failed\n";
        assert_eq!(ready(&checks, None).await, (503, expected.to_owned()));
    }

    #[tokio::test]
    async fn a_process_lives_until_a_task_hangs() {
        assert_eq!(lives(Health::Alive).await, (200, "ok".to_owned()));
        let expected = "[-]violations.expire failed: it hangs\nlivez check failed\n".to_owned();
        assert_eq!(lives(Health::Wedged(vec!["violations.expire".to_owned()])).await, (500, expected));
    }
}
