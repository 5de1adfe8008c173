//! The life of findings, by examples.

use api::Severity;
use api::finding::State;

use super::*;
use crate::batch::Exemption;
use crate::event::Field;
use crate::fixture::{HOUR, Kept, LIMITS, at, fingerprint, sighting, silence};

fn kept() -> Kept {
    Kept::new(LIMITS)
}

#[test]
fn a_finding_that_comes_back_soon_goes_on() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    kept.look(60, vec![sighting(1)], &[]);
    kept.look(120, Vec::new(), &[1]);
    kept.look(720, vec![sighting(1)], &[]);
    let record = kept.record(1);
    let told = (record.state(), record.count, record.reopened, record.first_seen, record.last_seen);
    assert_eq!(told, (State::Open, 3, 1, at(0), at(720)));
    assert_eq!(kept.history(1), ["opened", "resolved", "reopened"]);
}

#[test]
fn a_finding_that_comes_back_late_begins_anew_and_its_history_has_both_lives() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    kept.look(60, Vec::new(), &[1]);
    kept.look(60 + 25 * HOUR, vec![sighting(1)], &[]);
    let record = kept.record(1);
    assert_eq!((record.first_seen, record.count, record.reopened), (at(60 + 25 * HOUR), 1, 0));
    assert_eq!(kept.history(1), ["opened", "resolved", "opened"]);
}

#[test]
fn a_round_that_arrives_after_a_later_one_changes_nothing() {
    let mut kept = kept();
    kept.round(8, 60, vec![sighting(1)], &[]).unwrap();
    let before = kept.record(1).clone();
    let late = kept.round(7, 30, Vec::new(), &[1]);
    assert_eq!(late.unwrap_err().to_string(), "a later batch of worker-3 has been taken");
    assert_eq!(*kept.record(1), before);
}

#[test]
fn time_does_not_run_back_within_a_finding() {
    let mut kept = kept();
    kept.look(600, vec![sighting(1)], &[]);
    kept.look(300, vec![sighting(1)], &[]);
    assert_eq!((kept.record(1).last_seen, kept.record(1).count), (at(600), 2));
    kept.look(360, Vec::new(), &[1]);
    assert_eq!(kept.record(1).life, Life::Resolved { at: at(600), reason: "gone".to_owned() });
}

#[test]
fn a_change_names_its_fields_and_figures_are_no_change() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    let mut told = sighting(1);
    told.figures.insert("cpu".to_owned(), 0.5.into());
    assert_eq!(kept.look(10, vec![told.clone()], &[]).transitions, []);
    assert_eq!(kept.record(1).told.figures, told.figures);
    told.severity = Severity::Critical;
    told.facts.insert("sha256".to_owned(), "9b2f".into());
    let plan = kept.look(20, vec![told], &[]);
    let fields = vec![Field::Evidence, Field::Severity];
    assert_eq!(plan.transitions.iter().map(|told| &told.event).collect::<Vec<_>>(), [&Event::Changed { fields }]);
}

#[test]
fn what_is_unchanged_is_stored_no_more_often_than_it_should() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    let kinds = [30, 59, 60, 90, 120].map(|second| kept.look(second, vec![sighting(1)], &[]).touches[0].keep);
    assert_eq!(kinds, [Keep::InMemory, Keep::InMemory, Keep::Stored, Keep::InMemory, Keep::Stored]);
}

#[test]
fn a_silence_holds_for_what_comes_and_is_told_when_it_ends() {
    let mut kept = kept();
    let plan = kept.book.silence(silence("s1", "ns-*", at(24 * HOUR)), at(0));
    kept.store(plan);
    kept.look(10, vec![sighting(1)], &[]);
    assert_eq!((kept.record(1).state(), kept.history(1)), (State::Silenced, vec!["opened", "silenced"]));
    let plan = kept.book.pass(at(24 * HOUR));
    kept.store(plan);
    assert_eq!((kept.record(1).state(), kept.record(1).changed_at), (State::Open, at(24 * HOUR)));
    assert_eq!(kept.history(1), ["opened", "silenced", "unsilenced"]);
}

#[test]
fn a_silence_that_takes_over_lets_nothing_open_between() {
    let mut kept = kept();
    for id in ["s1", "s2"] {
        let plan = kept.book.silence(silence(id, "ns-1", at(HOUR)), at(0));
        kept.store(plan);
    }
    kept.look(10, vec![sighting(1)], &[]);
    let plan = kept.book.end_silence("s1", at(20));
    kept.store(plan);
    assert_eq!(kept.record(1).silence(), Some("s2"));
    let plan = kept.book.end_silence("s1", at(30));
    assert_eq!(plan, Plan::default());
    assert_eq!(kept.history(1), ["opened", "silenced", "silenced"]);
}

#[test]
fn an_exemption_silences_as_long_as_it_is_told() {
    let mut kept = kept();
    let exempt =
        |id: &str, owner: &str| Exemption { id: id.into(), owner: owner.into(), reason: "known".into(), until: None };
    let told = Sighting { exemption: Some(exempt("x1", "ops")), ..sighting(1) };
    kept.look(0, vec![told], &[]);
    assert_eq!(kept.record(1).silence(), Some("x1"));
    kept.look(10, vec![sighting(1)], &[]);
    assert_eq!(kept.history(1), ["opened", "silenced", "unsilenced"]);
}

#[test]
fn for_want_of_room_the_oldest_resolved_go_and_then_the_least_is_refused() {
    let mut kept = Kept::new(Limits { max_findings: 3, ..LIMITS });
    kept.look(0, vec![sighting(1), sighting(2), sighting(3)], &[]);
    kept.look(10, Vec::new(), &[2]);
    kept.look(20, Vec::new(), &[1]);
    let of = |number, severity| Sighting { severity, ..sighting(number) };
    let new = vec![of(4, Severity::Low), of(5, Severity::Critical), of(6, Severity::Medium)];
    let plan = kept.look(30, new, &[]);
    assert_eq!(plan.forgotten, [fingerprint(2), fingerprint(1)]);
    assert_eq!(plan.refused, [Refused { fingerprint: fingerprint(4), reason: Reason::Full }]);
    assert_eq!(kept.book.records().count(), 3);
}

#[test]
fn evidence_that_is_too_large_and_a_second_mention_are_refused_alone() {
    let mut kept = kept();
    let mut large = sighting(1);
    large.facts.insert("text".to_owned(), "x".repeat(EVIDENCE_BYTES).into());
    let plan = kept.look(0, vec![large, sighting(2), sighting(2)], &[]);
    let reasons: Vec<Reason> = plan.refused.iter().map(|refused| refused.reason).collect();
    assert_eq!((reasons, plan.records.len()), (vec![Reason::Evidence, Reason::Malformed], 1));
}

#[test]
fn what_was_resolved_long_ago_goes() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1), sighting(2)], &[]);
    kept.look(10, Vec::new(), &[1]);
    let plan = kept.book.pass(at(10 + 48 * HOUR));
    assert_eq!(plan.forgotten, [fingerprint(1)]);
}

#[test]
fn after_a_start_everything_is_stale_until_it_is_looked_at() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    kept.restart(LIMITS, 100);
    let stale = |kept: &Kept| kept.book.stale(kept.record(1)).map(|stale| (stale.since, stale.reason.clone()));
    assert_eq!(stale(&kept), Some((at(100), "not-looked-yet".to_owned())));
    kept.look(110, vec![sighting(1)], &[]);
    assert_eq!(stale(&kept), None);
}
