//! While the store is away: reads go on, and writes say why they do not.

use serde_json::json;
use storage::{Statement, Write};

use super::*;

#[tokio::test]
async fn while_the_store_cannot_be_written_reads_go_on_and_writes_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from(at(0))));
    let url = format!("sqlite:{}", folder.path().join("kw.db").display());
    let storage =
        Storage::open(&storage::Settings { url, ..storage::Settings::default() }, clock.clone()).await.unwrap();
    let process = Process::over(storage.clone(), clock, None).await;
    process.look(four(), &[]).await;
    storage.write(Write::new().then(Statement::new("PRAGMA query_only = ON"))).await.unwrap();
    let until = Timestamp::from(at(3600)).to_string();
    let wish = json!({"owner": "ops", "reason": "known", "until": until, "match": {"rule": "x"}});
    let refused = process.post("/api/v1/silences", &wish).await;
    let (status, kind, detail) = refused.problem();
    assert_eq!((status, kind), (503, json!("store-unavailable")));
    assert!(detail.as_str().unwrap().contains("read-only") && refused.headers.contains_key("retry-after"), "{detail}");
    assert_eq!(process.json("/api/v1/findings").await["count"], 4);
    let view = process.json(&format!("/api/v1/findings/{}", sighting(1).told.fingerprint)).await;
    assert_eq!((&view["timeline_lacks"], view["timeline"].as_array().unwrap().is_empty()), (&json!(null), false));
    storage.close().await;
    assert_eq!(process.json("/api/v1/findings").await["count"], 4);
    let view = process.json(&format!("/api/v1/findings/{}", sighting(1).told.fingerprint)).await;
    assert!(view["timeline_lacks"].is_string() && view["timeline"] == json!([]), "{view}");
    for path in ["/api/v1/findings/trend", "/api/v1/findings/watch"] {
        let answer = process.get(path).await;
        assert_eq!((answer.status, answer.json()["type"].clone()), (503, json!("store-unavailable")), "{path}");
    }
}
