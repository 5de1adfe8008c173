//! Decisions of the gate.

use super::*;
use crate::fixture::{SHA256, frozen};
use crate::settings::TokenSettings;

const HOME: &str = "127.0.0.1";

fn settings(scope: Scope) -> AuthSettings {
    let agents = if scope == Scope::Beat { vec!["edge-*".to_owned()] } else { Vec::new() };
    let token =
        TokenSettings { name: "ci".into(), sha256: SHA256.into(), token: String::new(), scopes: vec![scope], agents };
    AuthSettings { tokens: vec![token], ..AuthSettings::default() }
}

fn gate(settings: &AuthSettings) -> Gate {
    Gate::new(settings, frozen(), Arc::new(HttpMetrics::default()))
}

fn token(secret: &str, scope: Scope) -> Wish<'_> {
    Wish { credential: Credential::Bearer(secret.as_bytes()), scope, agent: None, basic: None }
}

fn nobody(scope: Scope) -> Wish<'static> {
    Wish { credential: Credential::Missing, scope, agent: None, basic: None }
}

/// Whether a request for GET `/read` with this `Authorization` passes.
async fn admit(gate: &Gate, authorization: &str, scope: Scope, from: &str) -> Result<Who, Fault> {
    let headers = HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, authorization.parse().unwrap())]);
    let peer = Peer { address: SocketAddr::new(from.parse().unwrap(), 7), common_name: None };
    let params = Params::default();
    let asking = Asking { peer: &peer, method: &Method::GET, path: "/read", headers: &headers, params: &params };
    gate.admit(asking, &Needs { scope, basic: None }).await
}

#[track_caller]
fn check(settings: &AuthSettings, wish: &Wish<'_>, expected: &Result<(), Refusal>) {
    assert_eq!(Rules::of(settings).decide(wish).map(drop), *expected);
}

#[test]
fn a_known_token_passes_and_a_wrong_one_of_the_right_length_does_not() {
    check(&settings(Scope::Read), &token("t0ken", Scope::Read), &Ok(()));
    check(&settings(Scope::Read), &token("t0kem", Scope::Read), &Err(Refusal::Unknown));
    check(&settings(Scope::Read), &nobody(Scope::Read), &Err(Refusal::Missing));
}

#[tokio::test]
async fn a_read_token_is_refused_where_write_is_needed_with_the_name_of_the_scope() {
    let gate = gate(&settings(Scope::Read));
    let fault = admit(&gate, "Bearer t0ken", Scope::Write, HOME).await.unwrap_err();
    let detail = "the token `ci` does not have the scope `write` that this needs";
    assert_eq!(fault, Fault::forbidden(detail));
}

#[test]
fn anonymous_reads_open_reads_only_and_do_not_forgive_a_wrong_token() {
    let open = AuthSettings { anonymous_reads: true, ..settings(Scope::Read) };
    check(&open, &nobody(Scope::Read), &Ok(()));
    check(&open, &nobody(Scope::Write), &Err(Refusal::Missing));
    check(&open, &nobody(Scope::Admin), &Err(Refusal::Missing));
    check(&open, &token("wrong", Scope::Read), &Err(Refusal::Unknown));
}

#[test]
fn a_client_certificate_stands_for_the_token_of_its_common_name() {
    let by_certificate =
        |name| Wish { credential: Credential::Certificate(name), scope: Scope::Read, agent: None, basic: None };
    check(&settings(Scope::Read), &by_certificate("ci"), &Ok(()));
    check(&settings(Scope::Read), &by_certificate("cj"), &Err(Refusal::Unknown));
}

#[test]
fn a_beat_token_may_speak_for_its_agents_only() {
    let beat = |agent| Wish { agent: Some(agent), ..token("t0ken", Scope::Beat) };
    check(&settings(Scope::Beat), &beat("edge-1"), &Ok(()));
    check(&settings(Scope::Beat), &beat("core-1"), &Err(Refusal::Agent { token: "ci".to_owned() }));
    check(&settings(Scope::Admin), &beat("core-1"), &Ok(()));
}

#[tokio::test]
async fn after_ten_failures_an_address_waits_even_with_a_good_token() {
    let gate = gate(&settings(Scope::Read));
    for _ in 0..10 {
        let fault = admit(&gate, "Bearer guess", Scope::Read, HOME).await.unwrap_err();
        assert_eq!(fault.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(admit(&gate, "Bearer t0ken", Scope::Read, HOME).await, Err(too_many_failures()));
    assert_eq!(admit(&gate, "Bearer t0ken", Scope::Read, "192.0.2.7").await, Ok(Who::new("ci")));
}

#[tokio::test]
async fn a_valid_token_that_asks_for_too_much_is_not_taken_for_guessing() {
    let gate = gate(&settings(Scope::Read));
    for _ in 0..20 {
        assert!(admit(&gate, "Bearer t0ken", Scope::Admin, HOME).await.is_err());
    }
    assert_eq!(admit(&gate, "Bearer t0ken", Scope::Read, HOME).await, Ok(Who::new("ci")));
}

#[tokio::test]
async fn changed_settings_hold_at_once() {
    let gate = gate(&settings(Scope::Read));
    assert!(admit(&gate, "Bearer t0ken", Scope::Write, HOME).await.is_err());
    gate.apply(&settings(Scope::Write));
    assert_eq!(admit(&gate, "Bearer t0ken", Scope::Write, HOME).await, Ok(Who::new("ci")));
}
