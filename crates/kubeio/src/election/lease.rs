//! The Lease as an object.
//!
//! Owns its fields. What others wrote beside them is kept: a Lease is changed where it stands.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::state::Record;
use crate::cluster::Cluster;
use crate::resource::Resource;
use crate::write::ownership;

pub(super) const LEASES: Resource =
    Resource { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" };

/// Where the leader is reached.
pub(super) const ADDRESS: &str = "keelwatch.io/address";

/// A Lease as the server has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lease(pub(super) Value);

/// Who holds a Lease, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder<'a> {
    pub(super) identity: &'a str,
    pub(super) address: &'a str,
    pub(super) duration: Duration,
}

impl Lease {
    /// A Lease that is to be created.
    pub(super) fn new(cluster: &Cluster, name: &str) -> Self {
        let metadata = json!({
            "name": name, "namespace": cluster.namespace(), "labels": ownership(cluster), "annotations": {},
        });
        Self(json!({"apiVersion": LEASES.api_version(), "kind": LEASES.kind, "metadata": metadata, "spec": {}}))
    }

    pub(super) fn record(&self) -> Record {
        let spec = &self.0["spec"];
        let seconds = spec["leaseDurationSeconds"].as_u64().unwrap_or(0);
        let mark = format!("{} {} {}", self.0["metadata"]["uid"], spec["renewTime"], spec["leaseTransitions"]);
        let holder = spec["holderIdentity"].as_str().unwrap_or_default().to_owned();
        Record { holder, lasts: Duration::from_secs(seconds), mark }
    }

    pub(super) fn address(&self) -> Option<&str> {
        self.0["metadata"]["annotations"][ADDRESS].as_str().filter(|address| !address.is_empty())
    }

    /// The Lease as its holder writes it.
    pub(super) fn held(mut self, by: Holder<'_>, now: Timestamp) -> Self {
        let former = self.record().holder;
        let now = self.later(now);
        let spec = self.spec();
        if former != by.identity {
            let transitions = spec["leaseTransitions"].as_u64().map_or(0, |transitions| transitions + 1);
            spec["acquireTime"] = micro(now).into();
            spec["leaseTransitions"] = transitions.into();
        }
        spec["holderIdentity"] = by.identity.into();
        spec["leaseDurationSeconds"] = by.duration.as_secs().max(1).into();
        spec["renewTime"] = micro(now).into();
        if !self.0["metadata"]["annotations"].is_object() {
            self.0["metadata"]["annotations"] = json!({});
        }
        self.0["metadata"]["annotations"][ADDRESS] = by.address.into();
        self
    }

    /// The Lease without a holder.
    pub(super) fn released(mut self, now: Timestamp) -> Self {
        let now = self.later(now);
        let spec = self.spec();
        spec["holderIdentity"] = "".into();
        spec["renewTime"] = micro(now).into();
        if let Some(annotations) = self.0["metadata"]["annotations"].as_object_mut() {
            annotations.shift_remove(ADDRESS);
        }
        self
    }

    fn spec(&mut self) -> &mut Value {
        if !self.0["spec"].is_object() {
            self.0["spec"] = json!({});
        }
        &mut self.0["spec"]
    }

    /// A time of renewal that differs from the last one, even if the clock went back: others wait for a change.
    fn later(&self, now: Timestamp) -> Timestamp {
        let last = self.0["spec"]["renewTime"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let next = last.filter(|last| *last >= now).and_then(|last| last.checked_add(1.microsecond()).ok());
        next.unwrap_or(now)
    }
}

/// A `MicroTime`.
fn micro(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Holder<'_> =
        Holder { identity: "cart-0_1", address: "10.0.0.1:18080", duration: Duration::from_secs(15) };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn taking_counts_a_transition_and_renewing_does_not() {
        let other =
            json!({"metadata": {"uid": "u"}, "spec": {"holderIdentity": "x", "leaseTransitions": 4}, "note": 1});
        let taken = Lease(other).held(BY, at("2026-11-26T10:00:00.25Z"));
        let renewed = taken.clone().held(BY, at("2026-11-26T10:00:02Z"));
        let expected = json!({
            "metadata": {"uid": "u", "annotations": {ADDRESS: "10.0.0.1:18080"}},
            "spec": {
                "holderIdentity": "cart-0_1", "leaseTransitions": 5, "acquireTime": "2026-11-26T10:00:00.250000Z",
                "leaseDurationSeconds": 15, "renewTime": "2026-11-26T10:00:02.000000Z",
            },
            "note": 1,
        });
        assert_eq!(renewed.0, expected);
        assert_ne!(taken.record(), renewed.record());
    }

    #[test]
    fn every_renewal_is_a_change_even_if_the_clock_goes_back() {
        let first = Lease(json!({})).held(BY, at("2026-11-26T10:00:00Z"));
        let second = first.clone().held(BY, at("2020-01-01T00:00:00Z"));
        assert_eq!(second.0["spec"]["renewTime"], "2026-11-26T10:00:00.000001Z");
        assert_eq!(second.released(at("2026-11-26T10:01:00Z")).record().holder, "");
    }
}
