//! Pods that come, change and go without reason, for load.
//!
//! Owns the mix: of twenty changes sixteen are updates, three a deletion with a creation under another name, one a
//! recreation under the same name.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::clock::seconds;
use crate::random::Random;
use crate::state::State;
use crate::store::{Entry, Key, Store};

/// How often churn is caught up with.
const TICK: SignedDuration = SignedDuration::from_millis(100);
const TICKS_PER_SECOND: u32 = 10;
/// The annotation that an update counts up.
const COUNTER: &str = "sim.keelwatch.io/churn";

/// Changes of pods at a steady rate.
#[derive(Debug)]
pub(crate) struct Churn {
    per_second: u32,
    random: Random,
    next: Timestamp,
    /// Tenths of a change that former ticks left.
    carried: u32,
    keys: Vec<Key>,
}

impl Churn {
    /// Churn among the pods that `store` holds.
    pub(crate) fn new(per_second: u32, seed: u64, now: Timestamp, store: &Store) -> Self {
        let keys = if per_second == 0 {
            Vec::new()
        } else {
            store.range("pods", None, None).map(|entry| entry.key.clone()).collect()
        };
        let next = now.saturating_add(TICK).unwrap_or(now);
        Self { per_second, random: Random::new(seed ^ 0xc4u64), next, carried: 0, keys }
    }

    /// When the next changes are due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        (!self.keys.is_empty()).then_some(self.next)
    }
}

/// Makes the changes of one tick, if one is due by now: how many. What is late is caught up with tick by tick, so that others
/// get at the state in between.
pub(super) fn churn(state: &mut State, now: Timestamp) -> usize {
    if state.churn.next_due().is_none_or(|due| due > now) {
        return 0;
    }
    let churn = &mut state.churn;
    let due = churn.carried + churn.per_second;
    churn.carried = due % TICKS_PER_SECOND;
    churn.next = churn.next.saturating_add(TICK).unwrap_or(Timestamp::MAX);
    for _ in 0..due / TICKS_PER_SECOND {
        change_one(state, now);
    }
    usize::try_from(due / TICKS_PER_SECOND).unwrap_or(usize::MAX)
}

fn change_one(state: &mut State, now: Timestamp) {
    let nth = state.churn.random.below(state.churn.keys.len());
    let key = state.churn.keys[nth].clone();
    let Some(entry) = state.store.get("pods", &key).cloned() else {
        // Somebody deleted it.
        state.churn.keys.swap_remove(nth);
        return;
    };
    let Some(kind) = state.catalog.by_table("pods").cloned() else { return };
    let kind_of_change = state.churn.random.below(20);
    if kind_of_change < 16
        && let Some(counted) = entry.counted_up(COUNTER, state.store.next_version())
    {
        state.store.put(now, "pods", counted);
        return;
    }
    match kind_of_change {
        // It had no annotations.
        0..16 => {
            let mut pod = entry.decode();
            pod["metadata"]["annotations"] = json!({COUNTER: "1"});
            state.store.put(now, "pods", Entry::encode(&kind, &pod, state.store.next_version()));
        }
        16..19 => {
            let name = format!("{}-{:05x}", base(&key.name), state.churn.random.next() & 0xf_ffff);
            state.churn.keys[nth] = Key::new(&key.namespace, &name);
            replace(state, now, &entry, Key::new(&key.namespace, &name));
        }
        _ => replace(state, now, &entry, key),
    }
}

/// Deletes the pod and makes it another one.
fn replace(state: &mut State, now: Timestamp, entry: &Arc<Entry>, key: Key) {
    state.store.remove(now, "pods", &entry.key);
    let uid = state.random.uid();
    if let Some(entry) = entry.reborn(key, &uid, &seconds(now), state.store.next_version()) {
        state.store.put(now, "pods", entry);
    }
}

/// The name without its last part.
fn base(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(base, _)| base)
}
