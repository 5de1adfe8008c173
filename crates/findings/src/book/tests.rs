//! The life of findings, by examples.

use api::Severity;
use api::finding::State;

use super::decide::EVIDENCE_BYTES;
use super::*;
use crate::batch::{Again, Batch, Exemption, Order, Sighting, Told};
use crate::event::{Event, Field};
use crate::fixture::{HOUR, Kept, LIMITS, at, fingerprint, sighting, silence, told};
use crate::plan::{Reason, Refused};
use crate::record::Life;
use api::Facts;

fn kept() -> Kept {
    Kept::new(LIMITS)
}

fn facts(key: &str, value: impl Into<serde_json::Value>) -> Facts {
    Facts::from(serde_json::Map::from_iter([(key.to_owned(), value.into())]))
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
    assert_eq!(kept.record(1).life, Life::Resolved { at: at(600), reason: "gone".to_owned().into() });
}

#[test]
fn a_change_names_its_fields_and_figures_are_no_change() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    let mut told = sighting(1);
    told.told.figures = facts("cpu", 0.5);
    assert_eq!(kept.look(10, vec![told.clone()], &[]).transitions, []);
    assert_eq!(kept.record(1).told.figures, told.told.figures);
    told.told.severity = Severity::Critical;
    told.told.facts = facts("sha256", "9b2f");
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
    let exempted: Sighting = Told { exemption: Some(Box::new(exempt("x1", "ops"))), ..told(1) }.into();
    kept.look(0, vec![exempted], &[]);
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
    let of = |number, severity| Sighting::from(Told { severity, ..told(number) });
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
    large.told.facts = facts("text", "x".repeat(EVIDENCE_BYTES));
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
    assert_eq!(stale(&kept), Some((at(100), "not-looked-yet".to_owned())));
    kept.look(110, vec![sighting(1)], &[]);
    assert_eq!(stale(&kept), None);
}

fn stale(kept: &Kept) -> Option<(Time, String)> {
    kept.book.stale(kept.record(1)).map(|stale| (stale.since, stale.reason.clone()))
}

#[test]
fn a_scope_that_does_not_answer_makes_its_findings_stale_since_it_first_did_not() {
    let mut kept = kept();
    let silent = |since| Freshness::Stale { since: at(since), reason: "unreachable".to_owned() };
    kept.look(0, vec![sighting(1)], &[]);
    kept.end(5, Freshness::Fresh);
    for since in [35, 65] {
        kept.order.round += 1;
        kept.end(since, silent(since));
    }
    assert_eq!(stale(&kept), Some((at(35), "unreachable".to_owned())));
    assert_eq!((kept.book.stale_number(Source::Process), kept.record(1).state()), (1, State::Open));
    kept.again(90);
    assert_eq!((stale(&kept), kept.record(1).last_seen, kept.record(1).count), (None, at(90), 2));
    let scope: Vec<(Order, Option<Time>)> =
        kept.book.scopes(Source::Process).map(|scope| (scope.order, scope.looked_at)).collect();
    assert_eq!(scope, [(Order { fence: 1, round: 4 }, Some(at(90)))]);
}

#[test]
fn a_round_ends_once() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1)], &[]);
    kept.end(5, Freshness::Fresh);
    let again = kept.book.end_round(crate::fixture::round(kept.order, 6, &[]));
    assert_eq!(again.unwrap_err().to_string(), "a later batch of the rounds of source process has been taken");
}

#[test]
fn looks_are_the_last_ten_rounds_that_saw_a_finding_and_survive_with_the_touch() {
    let mut kept = kept();
    for round in 0..13 {
        kept.look(round * 30, vec![sighting(1)], &[]);
        kept.end(round * 30 + 5, Freshness::Fresh);
    }
    // It was not seen in this one.
    kept.look(390, Vec::new(), &[]);
    kept.end(395, Freshness::Fresh);
    let rounds = |kept: &Kept| kept.record(1).looks.iter().map(|look| look.round).collect::<Vec<u64>>();
    assert_eq!(rounds(&kept), (4..=13).collect::<Vec<u64>>());
    kept.again(420);
    kept.restart(LIMITS, 430);
    assert_eq!(rounds(&kept), (4..=13).collect::<Vec<u64>>());
}

#[test]
fn an_unchanged_answer_counts_for_everything_that_is_open_in_its_scope() {
    let mut kept = kept();
    kept.look(0, vec![sighting(1), sighting(2), sighting(3)], &[]);
    kept.look(10, Vec::new(), &[3]);
    let plan = kept.again(20);
    assert_eq!((plan.touches.len(), plan.stores(), plan.transitions.len()), (2, false, 0));
    kept.end(25, Freshness::Fresh);
    let told = |number| (kept.record(number).last_seen, kept.record(number).count, kept.record(number).looks.len());
    assert_eq!([told(1), told(2), told(3)], [(at(20), 2, 1), (at(20), 2, 1), (at(0), 1, 0)]);
}

#[test]
fn a_count_that_can_grow_no_more_stays_as_it_is() {
    let mut kept = kept();
    let changed = || Sighting::from(Told { severity: Severity::Low, ..told(1) });
    kept.look(0, vec![Sighting { count: Some(u64::MAX), ..sighting(1) }], &[]);
    kept.again(10);
    kept.look(20, vec![sighting(1)], &[]);
    kept.look(30, vec![changed()], &[]);
    kept.look(40, Vec::new(), &[1]);
    kept.look(50, vec![changed()], &[]);
    let record = kept.record(1);
    assert_eq!((record.count, record.reopened, record.last_seen), (u64::MAX, 1, at(50)));
}

#[test]
fn findings_of_workloads_follow_the_rounds_of_their_scope_and_are_not_written_for_it() {
    let mut kept = kept();
    kept.source = Source::Workload;
    kept.look(0, vec![sighting(1)], &[]);
    kept.end(5, Freshness::Fresh);
    kept.look(300, vec![sighting(1)], &[]);
    kept.end(305, Freshness::Fresh);
    kept.order.round += 1;
    kept.end(605, Freshness::Fresh);
    let told = |kept: &Kept| {
        let record = kept.record(1);
        (record.count, record.last_seen, record.looks.iter().map(|look| look.round).collect::<Vec<u64>>())
    };
    let expected = (3, at(605), vec![1, 2, 3]);
    assert_eq!(told(&kept), expected);
    kept.restart(LIMITS, 700);
    assert_eq!(told(&kept), expected);
}

#[test]
fn an_episode_begins_with_each_opening_and_reopening_and_each_end_of_a_silence() {
    let mut kept = kept();
    let mut episodes = Vec::new();
    kept.look(0, vec![sighting(1)], &[]);
    episodes.push(kept.record(1).episode);
    kept.look(10, Vec::new(), &[1]);
    kept.look(20, vec![sighting(1)], &[]);
    episodes.push(kept.record(1).episode);
    let plan = kept.book.silence(silence("s1", "ns-*", at(HOUR)), at(30));
    kept.store(plan);
    episodes.push(kept.record(1).episode);
    let plan = kept.book.end_silence("s1", at(40));
    kept.store(plan);
    episodes.push(kept.record(1).episode);
    assert_eq!(episodes, [1, 2, 2, 3]);
}

#[test]
fn a_source_that_knows_when_it_began_is_believed_and_a_correction_is_no_transition() {
    let mut kept = kept();
    let told = |first| Sighting { first_seen: Some(at(first)), ..sighting(1) };
    kept.look(100, vec![told(40)], &[]);
    assert_eq!(kept.record(1).first_seen, at(40));
    let mut belongs = told(20);
    belongs.told.belongs =
        std::sync::Arc::new(crate::batch::Belongs { image: Some("sha256:9b2f".to_owned()), ..Default::default() });
    let plan = kept.look(110, vec![belongs], &[]);
    assert_eq!((plan.transitions, plan.records.len(), kept.record(1).first_seen), (Vec::new(), 1, at(20)));
    assert_eq!(kept.record(1).told.belongs.image.as_deref(), Some("sha256:9b2f"));
}

#[test]
fn batches_that_touch_different_things_are_decided_together_and_others_are_not() {
    let kept = kept();
    let batch = |scope: &str, seen: &[u32], again| Batch {
        scope: scope.to_owned(),
        seen: seen.iter().copied().map(sighting).collect(),
        again,
        ..kept.batch(Order { fence: 1, round: 1 }, 0)
    };
    let mut group = Group::default();
    kept.book.take(&batch("a", &[1], None), &mut group).unwrap();
    let again = Some(Again { counts: 1 });
    let admitted = [batch("b", &[2], None), batch("a", &[2], None), batch("b", &[1], None), batch("b", &[], again)]
        .map(|batch| kept.book.admits(&group, &batch));
    assert_eq!(admitted, [true, false, false, true]);
}

#[test]
fn those_of_one_group_share_what_room_there_is() {
    let mut kept = Kept::new(Limits { max_findings: 3, ..LIMITS });
    kept.look(0, vec![sighting(1)], &[]);
    kept.look(10, Vec::new(), &[1]);
    let batch = |scope: &str, seen: [u32; 2]| Batch {
        scope: scope.to_owned(),
        seen: seen.map(sighting).into(),
        ..kept.batch(kept.order, 20)
    };
    let mut group = Group::default();
    let plans =
        [("a", [2, 3]), ("b", [4, 5])].map(|(scope, seen)| kept.book.take(&batch(scope, seen), &mut group).unwrap());
    let told = plans.map(|plan| (plan.records.len(), plan.forgotten.len(), plan.refused.len()));
    assert_eq!(told, [(2, 0, 0), (1, 1, 1)]);
    assert!(!kept.book.admits(&group, &batch("c", [1, 6])));
}
