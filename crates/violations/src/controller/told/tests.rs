//! Records of today, of former agents, and of nobody.

use serde_json::{Value, json};

use super::*;
use crate::fixture::{self, NODE, UID};

const NOW: &str = "2026-11-21T05:00:00Z";

fn read(record: &Value) -> Result<Violation, Malformed> {
    let reader =
        Reader { node: NODE, now: serde_json::from_value(NOW.into()).unwrap(), redactor: &Redactor::new(&[]).unwrap() };
    reader.read(record.to_string().as_bytes())
}

fn present() -> Value {
    serde_json::to_value(fixture::record(&fixture::in_pod())).unwrap()
}

fn former() -> Value {
    json!({
        "pod": "cart-0", "namespace": "ns-shop", "process": "xmrig", "cmdline": "./xmrig --token=s3cret", "regex": "^xmrig$",
        "status": "active", "type": "app", "name": "cart", "timestamp": "2026-11-21T04:31:02.7+00:00",
    })
}

fn with(mut record: Value, key: &str, value: Value) -> Value {
    record[key] = value;
    record
}

#[test]
fn a_record_of_today_is_taken_as_it_is_and_what_is_unknown_is_passed_over() {
    let told = with(with(present(), "colour", json!("red")), "node", json!("somebody else"));
    assert_eq!(read(&told), Ok(fixture::record(&fixture::in_pod())));
    let mut resolved = fixture::record(&fixture::on_host());
    resolved.status = Status::Resolved;
    resolved.resolved_at = Some(resolved.last_seen);
    resolved.resolved_reason = Some(ResolvedReason::RuleRemoved);
    assert_eq!(read(&serde_json::to_value(&resolved).unwrap()), Ok(resolved));
}

#[test]
fn a_former_record_is_accepted_and_its_command_line_is_redacted() {
    let at: Time = serde_json::from_value("2026-11-21T04:31:02Z".into()).unwrap();
    let expected = json!({
        "pod": "cart-0", "namespace": "ns-shop", "process": "xmrig", "cmdline": "./xmrig --token=***", "regex": "^xmrig$",
        "status": "active", "type": "app", "name": "cart", "timestamp": at, "node": NODE, "pod_uid": "", "container_id": "",
        "container": "", "pid": 0, "severity": "medium", "rule": "legacy", "rules": ["legacy"], "action": "report",
        "fingerprint": "400b8f5943e844226efc03f02623b252", "first_seen": at, "last_seen": at, "count": 1,
        "attribution": "resolved", "attribution_reason": "",
        "evidence": {"exe": "", "exe_flags": [], "started_at": at, "cpu_seconds": 0.0, "parents": []},
    });
    assert_eq!(serde_json::to_value(read(&former()).unwrap()).unwrap(), expected);
}

#[test]
fn the_text_of_a_clause_is_never_empty() {
    assert_eq!(read(&with(former(), "regex", json!(""))).unwrap().regex, "xmrig");
    assert_eq!(read(&with(present(), "regex", json!(""))), Err(Malformed));
}

#[test]
fn times_that_are_still_to_come_are_now() {
    let later = json!("2026-11-21T09:00:00Z");
    let mut told = present();
    for key in ["timestamp", "first_seen", "last_seen", "resolved_at"] {
        told[key] = later.clone();
    }
    let Violation { timestamp, first_seen, last_seen, resolved_at, .. } = read(&told).unwrap();
    let told = [Some(timestamp), Some(first_seen), Some(last_seen), resolved_at].map(|time| time.unwrap().to_string());
    assert_eq!(told, [NOW; 4]);
}

#[test]
fn a_count_beyond_what_readers_of_json_hold_is_the_most_they_do() {
    let most = 9_007_199_254_740_992_u64;
    let counts = [most - 1, most, most + 1, u64::MAX];
    let told = counts.map(|count| read(&with(present(), "count", json!(count))).unwrap().count);
    assert_eq!(told, [most - 1, most, most, most]);
}

#[test]
fn what_cannot_be_is_malformed() {
    for (key, value) in [
        ("pid", json!(-1)),
        ("pid", json!(null)),
        ("severity", json!("fatal")),
        ("timestamp", json!("yesterday")),
        ("first_seen", json!("2026-13-01T00:00:00Z")),
        ("cmdline", json!("a\0b")),
        ("cmdline", json!(7)),
        ("pod", json!(null)),
        ("namespace", json!("ns\0")),
        ("pod_uid", json!("1234")),
        ("container_id", json!("4f1c")),
        ("fingerprint", json!("51c1")),
        ("status", json!("gone")),
        ("rule", json!("")),
        ("evidence", json!(null)),
        ("count", json!(-3)),
    ] {
        assert_eq!(read(&with(present(), key, value.clone())), Err(Malformed), "{key}: {value}");
    }
    for record in [json!({}), json!(7), json!(null), json!([]), json!("[]")] {
        assert_eq!(read(&record), Err(Malformed), "{record}");
    }
    let mut nine = former();
    nine.as_object_mut().unwrap().remove("name");
    assert_eq!(read(&nine), Err(Malformed));
}

#[test]
fn texts_that_are_longer_than_a_node_sends_are_cut() {
    let long = "x".repeat(20_000);
    let mut told = present();
    for key in ["process", "cmdline", "regex", "name", "pod", "namespace", "container"] {
        told[key] = json!(long);
    }
    let Violation { process, cmdline, regex, name, pod, namespace, container, pod_uid, .. } = read(&told).unwrap();
    let lengths = [process, cmdline, regex, name, pod, namespace, container].map(|text| text.len());
    assert_eq!((lengths, pod_uid.as_str()), ([255, 4096, 256, 253, 253, 63, 63], UID));
}
