//! Violations that an agent tells.
//!
//! Owns their fields, in both forms. They are made up; nothing runs.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Era;
use crate::clock::seconds;
use crate::hex;
use crate::random::Random;

/// What two answers about the same violations may differ in without anything being new.
const PASSING: [&str; 3] = ["last_seen", "timestamp", "count"];

/// The boot id of a node.
pub(super) fn boot(nth: u32) -> String {
    Random::new(u64::from(nth)).uid()
}

/// A miner in a pod of a tenant: the violation `of` of the agent `nth`.
pub(super) fn of(era: Era, (node, boot): (&str, &str), (nth, of): (u32, u32), now: Timestamp) -> Value {
    let mut random = Random::new((u64::from(nth) << 32 | u64::from(of)) ^ 0x5eed);
    let (pod_uid, pid, ticks) = (random.uid(), 4_000 + of, 100 * random.below(1 << 20));
    let container = format!("{}{}", random.uid(), random.uid()).replace('-', "") + "4f1c4f1c";
    let container = &container[..64.min(container.len())];
    let at = seconds(now);
    let mut record = json!({
        "pod": format!("cart-{nth}-{of}"), "namespace": format!("ns-{}", nth % 100), "process": "xmrig",
        "cmdline": "./xmrig -o pool.example:3333 --pass=***", "regex": "xmrig", "status": "active", "type": "app",
        "name": "cart", "timestamp": at,
    });
    if era == Era::Former {
        return record;
    }
    let (pid_text, ticks) = (pid.to_string(), ticks.to_string());
    let parts = ["process", "miner-name", node, boot, &pid_text, &ticks, &pod_uid, container];
    let newer = json!({
        "node": node, "pod_uid": pod_uid, "container_id": container, "container": "web", "pid": pid, "severity": "critical",
        "rule": "miner-name", "rules": ["miner-name", "miner-stratum"], "action": "report", "fingerprint": fingerprint(&parts),
        "first_seen": at, "last_seen": at, "count": 2, "attribution": "resolved", "attribution_reason": "",
        "evidence": {
            "exe": "/app/xmrig", "exe_flags": [], "uid": 1000, "started_at": at, "cpu_seconds": 1.5,
            "sha256": "9b".repeat(32), "parents": [{"pid": pid - 1, "name": "sh", "started_at": at}],
        },
    });
    if let (Some(record), Value::Object(newer)) = (record.as_object_mut(), newer) {
        record.extend(newer);
    }
    record
}

/// The same violation in a later pass.
pub(super) fn see_again(record: &mut Value, at: Timestamp) {
    for key in ["timestamp", "last_seen"] {
        if record.get(key).is_some() {
            record[key] = seconds(at).into();
        }
    }
    if let Some(count) = record["count"].as_u64() {
        record["count"] = (count + 1).into();
    }
}

/// What of a record is new when it changes.
pub(super) fn lasting(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(fields) = record.as_object_mut() {
        fields.retain(|key, _| !PASSING.contains(&key.as_str()));
    }
    record
}

fn fingerprint(parts: &[&str]) -> String {
    hex::encode(&Sha256::digest(parts.join("\0"))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_taken_of_the_parts_with_nothing_between_them_but_nul() {
        let container = "4f1c".repeat(16);
        let boot = "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11";
        let uid = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";
        let parts = ["process", "miner-name", "worker-3", boot, "41233", "8123456", uid, &container];
        assert_eq!(fingerprint(&parts), "51c1a2699889f2178cd1d27121a3f655");
    }

    #[test]
    fn every_violation_has_an_identity_of_its_own() {
        let now = Timestamp::constant(1_795_233_600, 0);
        let prints = (0..50).flat_map(|nth| (0..4).map(move |one| of(Era::Present, ("n", "b"), (nth, one), now)));
        let prints: std::collections::BTreeSet<String> =
            prints.map(|record| record["fingerprint"].to_string()).collect();
        assert_eq!(prints.len(), 200);
        assert_eq!(of(Era::Former, ("n", "b"), (0, 0), now).as_object().unwrap().len(), 9);
    }
}
