//! One finding with all around it, groups, the past, coverage.

use std::sync::Arc;

use api::Fingerprint;
use serde_json::json;

use super::*;
use crate::batch::Exemption;
use crate::event::{Did, Note};
use crate::records::belongs;
use crate::round::Gap;

#[tokio::test]
async fn a_finding_is_shown_with_its_like_its_silences_and_what_happened() {
    let mut others = four();
    others[1].told.belongs = Arc::new(belongs("other", 1));
    others[2].told.belongs = Arc::new(belongs("other", 2));
    let process = Process::with(others).await;
    process.clock.advance(std::time::Duration::from_mins(1));
    process.look(Vec::new(), &[0]).await;
    let note = Note {
        fingerprint: sighting(3).told.fingerprint,
        at: at(70),
        response: "notification".to_owned(),
        did: Did::Planned,
        object: "Notification/ns-1/keelwatch".to_owned(),
        reason: "dry-run".to_owned(),
    };
    process.findings.note(vec![note]).await.unwrap();
    let until = Timestamp::from(at(3600)).to_string();
    let silence =
        json!({"owner": "ops", "reason": "known", "until": until, "match": {"rule": "miner-*", "namespace": "ns-1"}});
    let silence = process.post("/api/v1/silences", &silence).await.json();
    let path = format!("/api/v1/findings/{}", sighting(3).told.fingerprint);
    let view = process.json(&path).await;
    assert_eq!((&view["finding"]["state"], &view["finding"]["silence"]), (&json!("silenced"), &silence["id"]));
    assert_eq!((&view["pod"], &view["exemption"]), (&json!(null), &json!(null)));
    let owner =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "ns-shop", "name": "cart", "pods": 0});
    assert_eq!(
        (&view["owner"], &view["image"]),
        (&owner, &json!({"digest": format!("sha256:{:064}", 1), "names": []}))
    );
    assert_eq!(view["silences"], json!([silence]));
    // Of the same owner or image; what is resolved comes last.
    let related = [sighting(1).told.fingerprint, sighting(0).told.fingerprint];
    assert_eq!(fingerprints(&view["related"]), related.each_ref().map(Fingerprint::as_str));
    let mut told = Vec::new();
    for happened in view["timeline"].as_array().unwrap() {
        let whose = (0..4).find(|number| happened["fingerprint"] == json!(sighting(*number).told.fingerprint)).unwrap();
        told.push((whose, happened["event"].as_str().unwrap().to_owned()));
    }
    let of_the_same_second = told.split_off(1);
    assert_eq!(told, [(3, "response".to_owned())]);
    assert_eq!(of_the_same_second.len(), 6);
    assert_eq!(view["timeline"][0]["did"], "planned");
    let known = asking(Method::GET, &path, "reader").header("if-none-match", &process.get(&path).await.headers["etag"]);
    assert_eq!(process.ask(known.body(Body::empty()).unwrap()).await.status, 304);
}

#[tokio::test]
async fn an_exemption_of_its_source_is_shown() {
    let mut exempt = sighting(1);
    let (id, owner, reason) = ("e1".to_owned(), "sec".to_owned(), "ours".to_owned());
    exempt.told.exemption = Some(Box::new(Exemption { id, owner, reason, until: None }));
    let process = Process::with(vec![exempt]).await;
    let view = process.json(&format!("/api/v1/findings/{}", sighting(1).told.fingerprint)).await;
    assert_eq!(view["exemption"], json!({"id": "e1", "owner": "sec", "reason": "ours", "until": null}));
    assert_eq!((&view["finding"]["state"], &view["finding"]["silence"]), (&json!("silenced"), &json!("e1")));
}

#[tokio::test]
async fn groups_are_counted_the_worst_first() {
    let process = Process::with(four()).await;
    let summary = process.json("/api/v1/findings/summary?by=namespace").await;
    let expected = json!({
        "by": "namespace",
        "items": [
            {"value": "ns-1", "count": 2, "by_severity": {"low": 0, "medium": 1, "high": 0, "critical": 1}},
            {"value": "ns-0", "count": 2, "by_severity": {"low": 1, "medium": 0, "high": 1, "critical": 0}},
        ],
        "count": 2,
        "by_severity": {"low": 1, "medium": 1, "high": 1, "critical": 1},
        "as_of": at(0),
        "complete": true,
    });
    assert_eq!(summary, expected);
    let mut told = Vec::new();
    for by in ["owner", "rule", "source", "node", "app"] {
        let summary = process.json(&format!("/api/v1/findings/summary?by={by}&severity=high&limit=1")).await;
        told.push((
            summary["items"][0]["value"].as_str().unwrap().to_owned(),
            summary["items"][0]["count"].as_u64().unwrap(),
        ));
    }
    let expected = ["Deployment/ns-shop/cart", "miner-name", "process", "worker-3", "cart"];
    assert_eq!(told, expected.map(|value| (value.to_owned(), 1)));
}

#[tokio::test]
async fn what_has_no_such_thing_is_a_group_of_its_own() {
    let mut bare = sighting(1);
    bare.told.subject.namespace = None;
    let process = Process::with(vec![bare]).await;
    let summary = process.json("/api/v1/findings/summary?by=namespace").await;
    assert_eq!((&summary["items"][0]["value"], &summary["items"][0]["count"]), (&json!(null), &json!(1)));
}

#[tokio::test]
async fn coverage_says_what_was_looked_at_and_what_was_not() {
    let process = Process::new().await;
    let before = process.json("/api/v1/coverage").await;
    assert_eq!((&before["complete"], &before["sources"][0]["looks"]), (&json!(false), &json!(true)));
    assert_eq!((&before["sources"][0]["last_round"], &before["sources"][1]["looks"]), (&json!(null), &json!(false)));
    process.look(four(), &[]).await;
    assert_eq!(process.json("/api/v1/coverage").await["complete"], true);
    let order = process.next();
    let scope = |name: &str, freshness| ScopeLook { scope: name.to_owned(), freshness, detail: Facts::default() };
    let scopes = vec![
        scope("worker-1", Freshness::Fresh),
        scope("worker-2", Freshness::Failed { reason: "timeout".to_owned() }),
        scope("worker-3", Freshness::Stale { since: at(0), reason: "refused".to_owned() }),
        scope("worker-4", Freshness::Never),
    ];
    let gap = Gap { what: "namespace kube-system".to_owned(), why: "skipped".to_owned(), count: 3 };
    let (source, gaps) = (Source::Process, vec![gap]);
    let round = Round { source, order, at: at(60), scopes, complete: false, suspect: false, gaps };
    process.findings.end_round(round).await.unwrap();
    let coverage = process.json("/api/v1/coverage").await;
    let told = &coverage["sources"][0];
    assert_eq!(
        (&coverage["complete"], &told["complete"], &told["last_round"]["current"]),
        (&json!(false), &json!(false), &json!(true))
    );
    assert_eq!(told["scopes"], json!({"fresh": 1, "stale": 1, "failed": 1, "never": 1}));
    let not_fresh: Vec<(&str, &str)> = told["not_fresh"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| (scope["scope"].as_str().unwrap(), scope["state"].as_str().unwrap()))
        .collect();
    assert_eq!(not_fresh, [("worker-2", "failed"), ("worker-3", "stale"), ("worker-4", "never")]);
    assert_eq!((&told["not_fresh"][0]["reason"], &told["last_round"]["ended_at"]), (&json!("timeout"), &json!(at(60))));
    assert_eq!(told["gaps"], json!([{"what": "namespace kube-system", "why": "skipped", "count": 3}]));
}

#[tokio::test]
async fn what_was_refused_is_a_gap_of_its_round_and_makes_it_incomplete() {
    let process = Process::new().await;
    let mut large = sighting(2);
    large.told.facts = serde_json::from_value(json!({"text": "x".repeat(17 << 10)})).unwrap();
    process.look(vec![sighting(1), sighting(1), large], &[]).await;
    let coverage = process.json("/api/v1/coverage").await;
    let gap = |why: &str| json!({"what": "findings", "why": why, "count": 1});
    let gaps = json!([gap("refused: the evidence is larger than 16 KiB"), gap("refused: malformed")]);
    assert_eq!((&coverage["complete"], &coverage["sources"][0]["gaps"]), (&json!(false), &gaps));
    assert_eq!(process.json("/api/v1/findings").await["complete"], false);
    process.look(vec![sighting(1)], &[]).await;
    let coverage = process.json("/api/v1/coverage").await;
    assert_eq!((&coverage["complete"], &coverage["sources"][0]["gaps"]), (&json!(true), &json!([])));
    assert_eq!(coverage["refused"], json!({"full": 0, "evidence": 1, "malformed": 1}));
}
