//! Nodes: their leases, and whether they are ready.
//!
//! Owns renewals in `kube-node-lease`. Which pods run there is `pods`'.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::It;
use crate::clock::seconds;
use crate::state::State;
use crate::store::{Key, text_at};

/// The annotation of a node whose agent is dead.
pub(crate) const DEAD: &str = "sim.keelwatch.io/dead";
/// How often a node renews its lease.
const RENEWAL: SignedDuration = SignedDuration::from_secs(10);
/// How long a node may be silent.
const SILENCE: SignedDuration = SignedDuration::from_secs(40);
const LEASE_NAMESPACE: &str = "kube-node-lease";
const LEASES: &str = "leases.coordination.k8s.io";

/// Has every node renew its lease from now on, not all at once.
pub(crate) fn start(state: &mut State, now: Timestamp) {
    let table = state.store.intern("nodes");
    let keys: Vec<Key> = state.store.range("nodes", None, None).map(|entry| entry.key.clone()).collect();
    for (second, key) in (0..RENEWAL.as_secs()).cycle().zip(&keys) {
        state.agenda.note(now.saturating_add(SignedDuration::from_secs(1 + second)).unwrap_or(now), &table, key);
    }
}

pub(super) fn look(state: &mut State, it: &It) {
    if it.is_ending() {
        return;
    }
    let table = state.store.intern("nodes");
    let is_dead = it.object["metadata"]["annotations"].get(DEAD).is_some();
    let mut renewed = renewed_at(state, it);
    if !is_dead && renewed.is_none_or(|renewed| it.now.duration_since(renewed) >= RENEWAL) {
        renew(state, it);
        renewed = Some(it.now);
    }
    let renewed = renewed.unwrap_or(it.now);
    let is_silent = it.now.duration_since(renewed) >= SILENCE;
    set_ready(state, it, if is_silent { "Unknown" } else { "True" });
    let next = if is_dead { renewed.saturating_add(SILENCE) } else { it.now.saturating_add(RENEWAL) };
    if let Ok(next) = next
        && next > it.now
    {
        state.agenda.note(next, &table, &it.entry.key);
    }
}

fn renewed_at(state: &State, it: &It) -> Option<Timestamp> {
    let lease = state.look_up(LEASES, LEASE_NAMESPACE, &it.entry.key.name)?;
    text_at(&lease, "spec.renewTime").parse().ok()
}

fn renew(state: &mut State, it: &It) {
    let Some(kind) = state.catalog.by_table(LEASES).cloned() else { return };
    let name = &*it.entry.key.name;
    let time = format!("{:.6}", it.now);
    if let Some(mut lease) = state.look_up(LEASES, LEASE_NAMESPACE, name) {
        lease["spec"]["renewTime"] = time.into();
        state.keep(it.now, &kind, &lease);
        return;
    }
    let lease = json!({
        "metadata": {"name": name, "ownerReferences": [{
            "apiVersion": "v1", "kind": "Node", "name": name, "uid": &*it.entry.uid,
        }]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": time},
    });
    let write = it.write(&kind, Key::new(LEASE_NAMESPACE, ""));
    // Without the namespace there are no leases; tests may delete it.
    let _ = state.create(&write, lease);
}

fn set_ready(state: &mut State, it: &It, status: &str) {
    let conditions = it.object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    if conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == status) {
        return;
    }
    let mut node = it.object.clone();
    let reason = if status == "True" { "KubeletReady" } else { "NodeStatusUnknown" };
    let others = conditions.iter().filter(|condition| condition["type"] != "Ready").cloned();
    let ready = json!({
        "type": "Ready", "status": status, "reason": reason, "message": "", "lastTransitionTime": seconds(it.now),
        "lastHeartbeatTime": seconds(it.now),
    });
    node["status"]["conditions"] = others.chain([ready]).collect();
    it.keep(state, &node);
}
