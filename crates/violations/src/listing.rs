//! The answer of `GET /api/violations`, made from the store once and served until the store changes.
//!
//! Owns selection, order, body and ETag. An answer to a node's every reader costs a copy of a pointer; one after a pass
//! with nothing new costs a copy of the texts; only a change costs a sort and a hash.

use api::Fingerprint;
use axum::body::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use web::WeakEtag;

use crate::store::{Record, Store, Version};

/// Which records are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Those whose process still runs.
    #[default]
    Open,
    /// Those that are kept for `retain`.
    Resolved,
    /// Both.
    All,
}

/// Answers, kept while they are true.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    open: Option<Index>,
    resolved: Option<Index>,
    all: Option<Index>,
    /// The last body made. One is enough: a node has one regular reader, and a full body takes 15 MiB.
    body: Option<(State, Version, Bytes)>,
}

/// Which records, in which order, and the ETag of their texts.
#[derive(Debug)]
struct Index {
    stable: u64,
    order: Vec<Fingerprint>,
    etag: WeakEtag,
}

impl Listing {
    /// The weak ETag of the records in this state.
    pub(crate) fn etag(&mut self, store: &Store, state: State) -> &WeakEtag {
        &self.index(store, state).etag
    }

    /// The array of the records in this state, sorted by namespace, pod, process, pid and rule.
    pub(crate) fn body(&mut self, store: &Store, state: State) -> Bytes {
        if let Some((of, version, body)) = &self.body
            && (*of, *version) == (state, store.version())
        {
            return body.clone();
        }
        // The old body goes before the new one is made: two of them would double the peak.
        self.body = None;
        let order = &self.index(store, state).order;
        let records: Vec<&Record> = order.iter().filter_map(|id| store.record(id)).collect();
        let body = Bytes::from(whole(&records));
        self.body = Some((state, store.version(), body.clone()));
        body
    }

    fn index(&mut self, store: &Store, state: State) -> &Index {
        let slot = match state {
            State::Open => &mut self.open,
            State::Resolved => &mut self.resolved,
            State::All => &mut self.all,
        };
        let current = slot.take().filter(|index| index.stable == store.version().stable);
        slot.insert(current.unwrap_or_else(|| Index::of(store, state)))
    }
}

impl Index {
    fn of(store: &Store, state: State) -> Self {
        let mut chosen: Vec<&Record> = store.records().filter(|record| state.holds(record)).collect();
        chosen.sort_unstable_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        Self {
            stable: store.version().stable,
            etag: WeakEtag::of(stable(&chosen).as_bytes()),
            order: chosen.into_iter().map(|record| record.violation.fingerprint.clone()).collect(),
        }
    }
}

impl State {
    fn holds(self, record: &Record) -> bool {
        match self {
            Self::Open => record.is_open(),
            Self::Resolved => !record.is_open(),
            Self::All => true,
        }
    }
}

/// The fingerprint comes last, so that the order of a reused pid is one order.
fn sort_key(record: &Record) -> impl Ord + '_ {
    let violation = &record.violation;
    (
        (violation.namespace.as_str(), violation.pod.as_str(), violation.process.as_str()),
        (violation.pid, violation.rule.as_str(), violation.fingerprint.as_str()),
    )
}

/// The body without the fields that every pass moves.
fn stable(records: &[&Record]) -> String {
    join(records, |record| record.encoded().stable().len(), |record, body| body.push_str(record.encoded().stable()))
}

/// The whole body.
fn whole(records: &[&Record]) -> String {
    // The moving fields of a record take at most 117 bytes: two times and a count of 20 digits, with their keys.
    const MOVING: usize = 117;
    join(
        records,
        |record| record.encoded().stable().len() + MOVING,
        |record, body| record.encoded().write(record.violation.last_seen, record.violation.count, body),
    )
}

/// A JSON array of what `write` appends for each record, which is at most `size` long.
fn join(records: &[&Record], size: impl Fn(&Record) -> usize, write: impl Fn(&Record, &mut String)) -> String {
    let mut array = String::with_capacity(records.iter().map(|record| size(record) + 1).sum::<usize>() + 2);
    array.push('[');
    for (position, record) in records.iter().enumerate() {
        if position > 0 {
            array.push(',');
        }
        write(record, &mut array);
    }
    array.push(']');
    array
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use api::{Severity, Violation};
    use pods::PodFacts;
    use processes::matches::Match;

    use super::*;
    use crate::fixture::{self, Index, NODE, at};
    use crate::store::Limits;

    fn store() -> Store {
        Store::new(NODE.to_owned(), Limits { retain: Duration::from_mins(1), max_records: 1500 })
    }

    fn served(store: &Store, state: State) -> Vec<Violation> {
        serde_json::from_slice(&Listing::default().body(store, state)).unwrap()
    }

    #[test]
    fn an_empty_store_is_an_empty_array_with_the_etag_of_the_contract() {
        let (store, mut listing) = (store(), Listing::default());
        assert_eq!(listing.body(&store, State::Open), "[]");
        assert_eq!(listing.etag(&store, State::Open).header(), "W/\"4f53cda18c2baa0c0354bb5f9a3ecbe5\"");
    }

    #[test]
    fn the_etag_stays_while_passes_bring_nothing_new_and_the_body_moves_on() {
        let (mut store, mut listing) = (store(), Listing::default());
        let found = [fixture::process(1, Severity::High)];
        store.pass(&found, &[], at(2));
        let before = (listing.etag(&store, State::Open).clone(), listing.body(&store, State::Open));
        store.pass(&found, &[], at(4));
        assert_eq!(*listing.etag(&store, State::Open), before.0);
        assert_ne!(listing.body(&store, State::Open), before.1);
    }

    #[test]
    fn the_etag_moves_when_a_record_does() {
        let (mut store, mut listing) = (store(), Listing::default());
        store.pass(&[fixture::process(1, Severity::High)], &[], at(2));
        let before = listing.etag(&store, State::All).clone();
        for second in [4, 6] {
            store.pass(&[], &[], at(second));
        }
        assert_ne!(*listing.etag(&store, State::All), before);
    }

    #[test]
    fn each_state_selects_its_records() {
        let mut store = store();
        store.event(&fixture::process(1, Severity::High), at(2));
        for second in [4, 6] {
            store.pass(&[fixture::process(2, Severity::High)], &[], at(second));
        }
        let pids = |state| served(&store, state).iter().map(|violation| violation.pid).collect::<Vec<_>>();
        assert_eq!([State::Open, State::Resolved, State::All].map(pids), [vec![2], vec![1], vec![1, 2]]);
    }

    #[test]
    fn records_are_sorted_by_process_then_pid_as_a_number() {
        let mut store = store();
        let named = |pid, process: &str| {
            let found = fixture::process(pid, Severity::High);
            Arc::new(Match { process: process.to_owned(), ..found.as_ref().clone() })
        };
        store.pass(&[named(10, "b"), named(9, "b"), named(100, "a")], &[], at(2));
        let pids: Vec<u32> = served(&store, State::Open).iter().map(|violation| violation.pid).collect();
        assert_eq!(pids, [100, 9, 10]);
    }

    #[test]
    fn the_etag_moves_when_a_late_pod_is_known_and_records_are_sorted_by_its_names() {
        let (mut store, index) = (store(), Index::of([]));
        store.ask_of(index.clone());
        let in_pod = |pid: u32, uid: &str| {
            let place = fixture::place(&[(uid, "")]);
            Arc::new(Match { place, ..fixture::process(pid, Severity::High).as_ref().clone() })
        };
        let uids = ["1", "2", "3"].map(|digit| format!("{digit}712f785-1a3e-41ec-a00b-e2dcc77431cb"));
        let found: Vec<_> = (1..4).zip(&uids).map(|(pid, uid)| in_pod(pid, uid)).collect();
        store.pass(&found, &[], at(2));
        let mut listing = Listing::default();
        let before = listing.etag(&store, State::Open).clone();
        let pod = |uid: &String, namespace: &str, name: &str| PodFacts {
            uid: uid.clone(),
            namespace: namespace.into(),
            name: name.to_owned(),
            ..fixture::cart()
        };
        index.set([pod(&uids[0], "b", "a"), pod(&uids[1], "a", "b"), pod(&uids[2], "a", "a")]);
        store.ask_again(at(3));
        assert_ne!(*listing.etag(&store, State::Open), before);
        let pids: Vec<u32> = served(&store, State::Open).iter().map(|violation| violation.pid).collect();
        assert_eq!(pids, [3, 2, 1]);
    }

    #[test]
    fn a_store_full_of_worst_records_fits_in_what_a_controller_reads() {
        let worst: Vec<_> = (0..1500).map(|pid| Arc::new(fixture::worst(u32::MAX - pid))).collect();
        for pods in [vec![], vec![fixture::worst_pod()]] {
            let mut store = store();
            store.ask_of(Index::of(pods));
            store.pass(&worst, &[], at(2));
            for second in [4, 6] {
                store.pass(&[], &[], at(second));
            }
            let body = Listing::default().body(&store, State::All);
            assert!((14 << 20..=16 << 20).contains(&body.len()), "{} bytes", body.len());
            assert_eq!(served(&store, State::Resolved).len(), 1500);
        }
    }
}
