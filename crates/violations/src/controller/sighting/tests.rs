//! What findings keep of a record gives the record.

use std::sync::Arc;

use api::finding::Source;
use expect_test::expect;
use serde_json::json;

use super::*;
use crate::fixture::{self, BOOT, NODE};

fn kept(Sighting { told, count, first_seen }: Sighting, seen: Time, life: Life) -> Record {
    Record {
        source: Source::Process,
        scope: NODE.into(),
        first_seen: first_seen.unwrap(),
        last_seen: seen,
        changed_at: seen,
        count: count.unwrap(),
        reopened: 0,
        episode: 1,
        life,
        looks: Arc::default(),
        rounds: 0,
        touched: seen,
        told,
    }
}

fn open() -> Life {
    Life::Open { silence: None }
}

#[test]
fn a_record_comes_back_as_it_was_told() {
    let mut unresolved = fixture::record(&fixture::in_pod());
    unresolved.exempt_if = vec![fixture::scope(json!({"namespaces": ["a"]}))];
    for violation in [unresolved, fixture::record(&fixture::on_host()), fixture::record(&fixture::worst(3))] {
        let seen = violation.last_seen;
        let told = sighting(violation.clone(), Belongs::default(), BOOT, violation.count);
        assert_eq!(super::violation(&kept(told, seen, open())), Some(violation));
    }
}

#[test]
fn what_findings_know_of_its_life_counts() {
    let told = fixture::record(&fixture::on_host());
    let seen = told.last_seen;
    let life = Life::Resolved { at: seen, reason: "node-gone".into() };
    let expected = Violation {
        status: Status::Resolved,
        resolved_at: Some(seen),
        resolved_reason: Some(ResolvedReason::NodeGone),
        count: 99,
        ..told.clone()
    };
    assert_eq!(super::violation(&kept(sighting(told, Belongs::default(), BOOT, 99), seen, life)), Some(expected));
}

#[test]
fn a_finding_of_another_shape_is_no_record() {
    let told = fixture::record(&fixture::on_host());
    let seen = told.last_seen;
    let mut seen_so = sighting(told, Belongs::default(), BOOT, 1);
    seen_so.told.facts = Facts::default();
    assert_eq!(super::violation(&kept(seen_so, seen, open())), None);
}

#[test]
fn a_finding_says_what_runs_where() {
    let mut resolved = fixture::record(&fixture::in_pod());
    (resolved.attribution, resolved.name) = (Attribution::Resolved, "cart".to_owned());
    let told = |violation| sighting(violation, Belongs::default(), BOOT, 1).told;
    let titles = [resolved, fixture::record(&fixture::on_host()), fixture::record(&fixture::in_pod())]
        .map(|one| told(one).title);
    let expected =
        ["xmrig runs in app cart", "xmrig runs on node worker-3", "xmrig runs in an unknown pod on node worker-3"];
    assert_eq!(titles.each_ref().map(|title| &**title), expected);
    let Told { facts, figures, description, .. } = told(fixture::record(&fixture::on_host()));
    let text = format!("{}\n{}\n{description}\n", facts.as_str(), figures.as_str());
    expect![[r#"
        {"attribution":"host","attribution_reason":"","boot":"3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11","cmdline":"./xmrig -o stratum+tcp://pool.example:3333","container_id":"","exe":"/app/xmrig","exe_flags":[],"name":"worker-3","pid":41233,"regex":"xmrig","rules":["miner-name","miner-stratum"],"sha256":"9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b","type":"app","uid":1000}
        {"cpu_seconds":118.2,"parents":[{"name":"sh","pid":41200,"started_at":"2026-11-21T04:30:00Z"}],"started_at":"2026-11-21T04:30:00Z"}
        A process that rule miner-name forbids was found by `xmrig`. See what it does there, and end it; if it is meant to run, exempt it from the rule.
    "#]].assert_eq(&text);
}
