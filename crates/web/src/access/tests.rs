//! Decisions of the gate.

use super::*;
use crate::fixture::{SHA256, frozen};
use crate::settings::TokenSettings;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

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
    Wish { credential: Credential::Token(secret.as_bytes()), scope, agent: None }
}

fn nobody(scope: Scope) -> Wish<'static> {
    Wish { credential: Credential::Missing, scope, agent: None }
}

#[track_caller]
fn check(settings: &AuthSettings, wish: &Wish<'_>, expected: &Result<(), Refusal>) {
    assert_eq!(Rules::of(settings).decide(wish), *expected);
}

#[test]
fn a_known_token_passes_and_a_wrong_one_of_the_right_length_does_not() {
    check(&settings(Scope::Read), &token("t0ken", Scope::Read), &Ok(()));
    check(&settings(Scope::Read), &token("t0kem", Scope::Read), &Err(Refusal::Unknown));
    check(&settings(Scope::Read), &nobody(Scope::Read), &Err(Refusal::Missing));
}

#[test]
fn a_read_token_is_refused_where_write_is_needed_with_the_name_of_the_scope() {
    let fault = gate(&settings(Scope::Read)).admit(&token("t0ken", Scope::Write), HOME).unwrap_err();
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
    let by_certificate = |name| Wish { credential: Credential::Certificate(name), scope: Scope::Read, agent: None };
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

#[test]
fn after_ten_failures_an_address_waits_even_with_a_good_token() {
    let gate = gate(&settings(Scope::Read));
    let failed = (0..10).map(|_| gate.admit(&token("guess", Scope::Read), HOME).unwrap_err().status());
    assert!(failed.into_iter().all(|status| status == StatusCode::UNAUTHORIZED));
    let fault = gate.admit(&token("t0ken", Scope::Read), HOME).unwrap_err();
    assert_eq!(fault, too_many_failures());
    assert_eq!(gate.admit(&token("t0ken", Scope::Read), "192.0.2.7".parse().unwrap()), Ok(()));
}

#[test]
fn a_valid_token_that_asks_for_too_much_is_not_taken_for_guessing() {
    let gate = gate(&settings(Scope::Read));
    (0..20).for_each(|_| assert!(gate.admit(&token("t0ken", Scope::Admin), HOME).is_err()));
    assert_eq!(gate.admit(&token("t0ken", Scope::Read), HOME), Ok(()));
}

#[test]
fn changed_settings_hold_at_once() {
    let gate = gate(&settings(Scope::Read));
    assert!(gate.admit(&token("t0ken", Scope::Write), HOME).is_err());
    gate.apply(&settings(Scope::Write));
    assert_eq!(gate.admit(&token("t0ken", Scope::Write), HOME), Ok(()));
}
