//! `/livez` and `/readyz`, written as Kubernetes writes its own.
//!
//! Owns the form of the answers. What is checked, the role brings.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

use crate::Routes;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Ok,
    /// Something is wrong that people should know of and that a restart or less traffic would not mend.
    Warns(String),
    /// It fails.
    Fails(String),
}

/// One named check and what it found.
pub type Check = (String, Health);

/// Looks now; answers in the order in which checks are shown.
pub type Look = Arc<dyn Fn() -> Vec<Check> + Send + Sync>;

/// The probes; `live` decides `/livez`, `ready` decides `/readyz`.
pub fn routes(live: Look, ready: Look) -> Routes {
    Routes::new()
        .open("/livez", probe(Probe { name: "livez", failed: StatusCode::INTERNAL_SERVER_ERROR, look: live }))
        .open("/readyz", probe(Probe { name: "readyz", failed: StatusCode::SERVICE_UNAVAILABLE, look: ready }))
}

#[derive(Clone)]
struct Probe {
    name: &'static str,
    failed: StatusCode,
    look: Look,
}

fn probe(probe: Probe) -> MethodRouter {
    get(answer).with_state(probe)
}

/// A probe has one job, so it answers whatever else the query says.
async fn answer(State(probe): State<Probe>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let Probe { name, failed, look } = probe;
    let checks = look();
    let fails = checks.iter().any(|(_, health)| matches!(health, Health::Fails(_)));
    if fails {
        return (failed, report(name, &checks, "failed"));
    }
    let verbose =
        query.is_some_and(|query| query.split('&').any(|key| key == "verbose" || key.starts_with("verbose=")));
    let text = if verbose { report(name, &checks, "passed") } else { "ok".to_owned() };
    (StatusCode::OK, text)
}

fn report(name: &str, checks: &[Check], verdict: &str) -> String {
    let mut text = String::new();
    for (check, health) in checks {
        let line = match health {
            Health::Ok => writeln!(text, "[+]{check} ok"),
            Health::Warns(message) => writeln!(text, "[!]{check} warns: {}", one_line(message)),
            Health::Fails(message) => writeln!(text, "[-]{check} failed: {}", one_line(message)),
        };
        line.expect("a string takes every text");
    }
    text + &format!("{name} check {verdict}\n")
}

/// A message of several lines would look like several checks.
fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn asked(path: &str, checks: &[(&str, Health)]) -> (u16, String) {
        let checks: Vec<Check> = checks.iter().map(|(name, health)| ((*name).to_owned(), health.clone())).collect();
        let look: Look = Arc::new(move || checks.clone());
        let ready = Probe { name: "readyz", failed: StatusCode::SERVICE_UNAVAILABLE, look };
        let router = Router::new().route("/readyz", probe(ready));
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn warns() -> Health {
        Health::Warns("no answer yet".to_owned())
    }

    #[tokio::test]
    async fn a_warning_is_shown_and_keeps_200() {
        let checks = [("pods", Health::Ok), ("collect", warns())];
        let expected = "[+]pods ok\n[!]collect warns: no answer yet\nreadyz check passed\n";
        assert_eq!(asked("/readyz?verbose", &checks).await, (200, expected.to_owned()));
        assert_eq!(asked("/readyz", &checks).await, (200, "ok".to_owned()));
    }

    #[tokio::test]
    async fn a_failure_is_told_with_every_check_even_unasked() {
        let failed = Health::Fails("connection refused\nfor ever".to_owned());
        let expected = "[+]pods ok\n[-]storage failed: connection refused; for ever\nreadyz check failed\n";
        assert_eq!(asked("/readyz", &[("pods", Health::Ok), ("storage", failed)]).await, (503, expected.to_owned()));
    }
}
