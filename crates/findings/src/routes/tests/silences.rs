//! Silences, from the wish to the end.

use api::Fingerprint;
use serde_json::json;

use super::*;
use crate::fixture::silence;
use crate::silence::{MOST, Silence};
use crate::tables;

fn until(seconds: i64) -> String {
    Timestamp::from(at(seconds)).to_string()
}

#[tokio::test]
async fn a_silence_says_who_decided_it_and_what_it_means_and_mutes_that() {
    let process = Process::with(four()).await;
    let wish = json!({"owner": "sec", "reason": "known", "until": until(3600), "match": {"namespace": "ns-*", "source": "process"}});
    let begun = process.post("/api/v1/silences", &wish).await;
    let silence = begun.json();
    let expected = json!({
        "id": silence["id"], "owner": "sec", "reason": "known", "until": until(3600),
        "match": {"source": "process", "namespace": "ns-*"}, "created_by": "ops", "created_at": at(0), "origin": "api",
        "state": "active", "ended_at": null, "matches": 4,
    });
    assert_eq!((begun.status, &silence), (201, &expected));
    let path = format!("/api/v1/silences/{}", silence["id"].as_str().unwrap());
    assert_eq!(process.json(&path).await, silence);
    assert_eq!(process.json("/api/v1/silences").await, json!({"items": [silence], "count": 1}));
    assert_eq!(process.json("/api/v1/findings?state=silenced").await["count"], 4);
    process.clock.advance(std::time::Duration::from_mins(1));
    let ended = process.delete(&path).await;
    let expected = json!({"state": "ended", "ended_at": at(60), "matches": 0});
    let of = |told: &Value| json!({"state": told["state"], "ended_at": told["ended_at"], "matches": told["matches"]});
    assert_eq!((ended.status, of(&ended.json())), (200, expected.clone()));
    process.clock.advance(std::time::Duration::from_mins(1));
    let again = process.delete(&path).await;
    assert_eq!((again.status, of(&again.json())), (200, expected));
    assert_eq!(process.json("/api/v1/findings").await["count"], 4);
    let mut counts = Vec::new();
    for state in ["active", "ended", "all"] {
        counts.push(process.json(&format!("/api/v1/silences?state={state}")).await["count"].as_u64().unwrap());
    }
    assert_eq!(counts, [0, 1, 1]);
}

#[tokio::test]
async fn a_trial_says_what_would_be_muted_and_mutes_nothing() {
    let process = Process::with(four()).await;
    let wish = json!({"owner": "sec", "reason": "known", "until": until(3600), "match": {"namespace": "ns-1"}});
    let trial = process.post("/api/v1/silences?dry_run=true", &wish).await;
    let told = trial.json();
    let expected = [sighting(3).told.fingerprint, sighting(1).told.fingerprint];
    assert_eq!(
        (trial.status, fingerprints(&told["would_silence"])),
        (200, expected.each_ref().map(Fingerprint::as_str).to_vec())
    );
    assert_eq!(told["silence"]["matches"], 2);
    assert_eq!(process.json("/api/v1/silences?state=all").await["count"], 0);
    assert_eq!(process.json("/api/v1/findings?state=silenced").await["count"], 0);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_silence_is_told_at_once() {
    let process = Process::new().await;
    let cases = [
        (json!({}), vec!["owner: is empty", "reason: is empty", "until: is missing", "match: names nothing"]),
        (
            json!({"owner": "a", "reason": "b", "until": "tomorrow", "match": {"source": "process"}}),
            vec!["until: `tomorrow` is no time", "match: names nothing"],
        ),
        (json!({"owner": "a", "reason": "b", "until": until(0), "match": {"rule": "x"}}), vec!["until: is past"]),
        (
            json!({"owner": "a", "reason": "b", "until": until(367 * 86400), "match": {"rule": "x"}}),
            vec!["until: is too far ahead"],
        ),
        (
            json!({"owner": "a", "reason": "", "until": until(60),
                "match": {"namespace": "*", "rule": "a*b", "colour": "red", "source": "host"}}),
            vec![
                "match.colour: is no key",
                "match.namespace: `*` is no pattern",
                "match.rule: `a*b` is no pattern",
                "match.source: `host` is no source",
                "reason: is empty",
            ],
        ),
    ];
    for (wish, expected) in cases {
        let answer = process.post("/api/v1/silences", &wish).await;
        let problem = answer.json();
        let faults: Vec<&str> =
            problem["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
        let told = faults.iter().zip(&expected).all(|(fault, expected)| fault.starts_with(expected));
        assert!(answer.status == 422 && told && faults.len() == expected.len(), "{wish}: {} {faults:?}", answer.status);
    }
    let typed = process.post("/api/v1/silences", &json!({"owner": 1, "colour": 2, "match": {"rule": 3}})).await;
    assert_eq!((typed.status, typed.json()["faults"].as_array().unwrap().len()), (422, 3), "{}", typed.body);
    let (longest, later) = (until(366 * 86400), "/api/v1/silences?dry_run=true");
    let wish = json!({"owner": "a", "reason": "b", "until": longest, "match": {"rule": "x"}});
    assert_eq!(process.post(later, &wish).await.status, 200);
}

#[tokio::test]
async fn who_may_only_read_begins_and_ends_no_silence() {
    let process = Process::new().await;
    for (method, path) in [(Method::POST, "/api/v1/silences"), (Method::DELETE, "/api/v1/silences/s-1")] {
        let answer = process.ask(asking(method, path, "reader").body(Body::empty()).unwrap()).await;
        assert!(answer.status == 403 && answer.body.contains("`write`"), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_silence_of_the_settings_ends_with_them_only() {
    let clock = Arc::new(ManualClock::new(Timestamp::from(at(0))));
    let process = Process::over(memory(&clock).await, clock, None).await;
    let text = json!({"id": "known-miner", "owner": "sec", "reason": "ours", "until": until(3600), "match": {"rule": "miner-name"}});
    let silences = vec![serde_json::from_value(text).unwrap()];
    process.findings.apply(&Settings { silences, ..Settings::default() });
    let mut wakes = process.findings.wakes();
    process.look(four(), &[]).await;
    wakes.changed().await.unwrap();
    let shown = process.json("/api/v1/silences/known-miner").await;
    assert_eq!((&shown["origin"], &shown["matches"]), (&json!("settings"), &json!(4)));
    let (status, kind, detail) = process.delete("/api/v1/silences/known-miner").await.problem();
    assert_eq!((status, kind), (409, json!("silence-of-settings")));
    assert!(detail.as_str().unwrap().contains("findings.silences"), "{detail}");
}

#[tokio::test]
async fn no_more_silences_can_be_in_force_than_two_thousand() {
    let process = Process::new().await;
    for number in 0..MOST {
        let begun = silence(&format!("s-{number}"), "ns-9", at(3600));
        process.storage.write(tables::silenced(&begun)).await.unwrap();
    }
    let wish = json!({"owner": "sec", "reason": "known", "until": until(7200), "match": {"namespace": "ns-1"}});
    let (status, kind, detail) = process.post("/api/v1/silences", &wish).await.problem();
    assert_eq!((status, kind), (409, json!("too-many-silences")));
    assert!(detail.as_str().unwrap().starts_with("2000 silences are in force"), "{detail}");
    process.findings.end_silence("s-7", at(0)).await.unwrap();
    assert_eq!(process.post("/api/v1/silences", &wish).await.status, 201);
    assert_eq!(process.post("/api/v1/silences", &wish).await.status, 409);
}

#[tokio::test]
async fn silences_are_listed_page_by_page() {
    let process = Process::new().await;
    for (number, id) in ["s-a", "s-b", "s-c", "s-d", "s-e"].into_iter().enumerate() {
        let created_at = at(i64::try_from(number / 2).unwrap());
        let begun = Silence { created_at, ..silence(id, "ns-1", at(3600)) };
        process.findings.silence(begun, at(0)).await.unwrap();
    }
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let page = process.json(&format!("/api/v1/silences?limit=2{next}")).await;
        let ids: Vec<String> =
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        pages.push((ids.join(" "), page["count"].as_u64().unwrap()));
        let Some(token) = page["continue"].as_str() else { break };
        next = format!("&continue={token}");
    }
    let expected = ["s-e s-d", "s-c s-b", "s-a"].map(|ids| (ids.to_owned(), 5));
    assert_eq!(pages, expected);
    for query in [format!("state=all{next}"), "limit=1001".to_owned(), "continue=1".to_owned()] {
        assert_eq!(process.get(&format!("/api/v1/silences?{query}")).await.status, 400, "{query}");
    }
}

async fn memory(clock: &Arc<ManualClock>) -> Storage {
    let settings = storage::Settings { url: "sqlite::memory:".to_owned(), ..storage::Settings::default() };
    Storage::open(&settings, clock.clone()).await.unwrap()
}
