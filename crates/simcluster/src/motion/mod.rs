//! What moves by itself: pods start, owners take their dependents along, workloads make pods.
//!
//! Owns the agenda and who looks at what. Every look is level-triggered: it reads the present, writes the next step, and is
//! called again for what it wrote.
//!
//! ```text
//! a write ──► agenda ──► garbage ──► pods, workloads, services, namespaces
//!                ▲                                   │
//!                └───────────── writes ──────────────┘
//! ```

mod churn;
mod garbage;
mod jobs;
mod namespaces;
mod nodes;
mod pods;
mod services;
mod workloads;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub(crate) use self::churn::Churn;
pub(crate) use self::jobs::conclude;
pub(crate) use self::nodes::start as start_nodes;
use crate::clock::seconds;
use crate::kind::Kind;
use crate::state::State;
use crate::status::Status;
use crate::store::{Change, Entry, Key, Place, Store, text_at};
use crate::write::{EventRules, Part, Run, Validation, Write, check_shape, drop_nulls};

/// What is to be looked at, in order of time, then of table and key.
#[derive(Debug, Default)]
pub(crate) struct Agenda(BTreeSet<(Timestamp, Arc<str>, Key)>);

/// Looks of one move of a cluster that is stepped. What has not settled by then never does.
pub(crate) const ALL: usize = 1_000_000;
/// Looks of one move of a cluster that moves by itself: at some 30 µs each, clients wait 8 ms for the state at most.
pub(crate) const FEW: usize = 256;

const MANAGER: &str = "kube-controller-manager";

impl Agenda {
    /// Notes what a change concerns: its object, the owners, the dependents of what is gone, the services of a pod.
    pub(crate) fn touch(&mut self, change: &Change, store: &Store) {
        let at = change.at;
        let comes_or_goes = change.before.is_none() || change.after.is_none();
        self.note(at, &change.table, change.key());
        for entry in [&change.before, &change.after].into_iter().flatten() {
            for owner in entry.owners.iter().filter_map(|uid| store.place(uid)) {
                // A node renews its lease itself, and is not concerned by how the lease changes.
                if comes_or_goes || &*owner.0 != "nodes" {
                    self.note_place(at, owner);
                }
            }
        }
        if let (Some(before), None) = (&change.before, &change.after) {
            store.dependents(&before.uid).for_each(|place| self.note_place(at, place));
            if let Some((table, _)) = store.table("namespaces") {
                self.note(at, table, &Key::new("", &change.key().namespace));
            }
        }
        match &*change.table {
            "pods" => {
                let namespace = change.key().namespace.clone();
                if let Some((table, _)) = store.table("services") {
                    store.range("services", Some(&namespace), None).for_each(|entry| self.note(at, table, &entry.key));
                }
            }
            "nodes" => {
                let waiting = store.range("pods", None, None).filter(|entry| entry.field(0).is_empty());
                if let Some((table, _)) = store.table("pods") {
                    waiting.for_each(|entry| self.note(at, table, &entry.key));
                }
                if let Some((table, _)) = store.table("daemonsets.apps") {
                    store.range("daemonsets.apps", None, None).for_each(|entry| self.note(at, table, &entry.key));
                }
            }
            _ => {}
        }
    }

    pub(crate) fn note(&mut self, at: Timestamp, table: &Arc<str>, key: &Key) {
        self.0.insert((at, Arc::clone(table), key.clone()));
    }

    fn note_place(&mut self, at: Timestamp, (table, key): &Place) {
        self.note(at, table, key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// When the next look is due, if that is not after `until`.
    fn next_due(&self, until: Timestamp) -> Option<Timestamp> {
        self.0.first().map(|(at, _, _)| *at).filter(|at| *at <= until)
    }

    fn pop_due(&mut self, until: Timestamp) -> Option<Place> {
        self.next_due(until)?;
        self.0.pop_first().map(|(_, table, key)| (table, key))
    }
}

/// When something is due next, if that is not after `until`.
pub(crate) fn next_due(state: &State, until: Timestamp) -> Option<Timestamp> {
    let churned = state.churn.next_due().filter(|due| *due <= until);
    [state.agenda.next_due(until), churned].into_iter().flatten().min()
}

/// Looks at what is due, `most` things of it: how many looks changed something.
pub(crate) fn move_due(state: &mut State, now: Timestamp, most: usize) -> usize {
    let mut moved = churn::churn(state, now);
    for _ in 0..most {
        let Some((table, key)) = state.agenda.pop_due(now) else { break };
        let before = state.store.version();
        look(state, now, &table, &key);
        moved += usize::from(state.store.version() != before);
    }
    moved
}

fn look(state: &mut State, now: Timestamp, table: &Arc<str>, key: &Key) {
    let Some(entry) = state.store.get(table, key).cloned() else { return };
    let Some(kind) = state.catalog.by_table(table).cloned() else { return };
    let object = entry.decode();
    let it = It { kind, entry, object, now };
    if garbage::settle(state, &it) {
        return;
    }
    match &**table {
        "pods" => pods::look(state, &it),
        "namespaces" => namespaces::look(state, &it),
        "nodes" => nodes::look(state, &it),
        "services" => services::look(state, &it),
        "deployments.apps" => workloads::deployment(state, &it),
        "replicasets.apps" => workloads::replica_set(state, &it),
        "statefulsets.apps" => workloads::stateful_set(state, &it),
        "daemonsets.apps" => workloads::daemon_set(state, &it),
        "jobs.batch" => jobs::look(state, &it),
        _ => {}
    }
}

/// What is looked at.
struct It {
    kind: Arc<Kind>,
    entry: Arc<Entry>,
    object: Value,
    now: Timestamp,
}

impl It {
    fn is_ending(&self) -> bool {
        self.object["metadata"].get("deletionTimestamp").is_some()
    }

    fn write(&self, kind: &Arc<Kind>, key: Key) -> Write {
        Write {
            kind: Arc::clone(kind),
            key,
            part: Part::Whole,
            manager: MANAGER.to_owned(),
            run: Run::Real,
            validation: Validation::Ignore,
            events: EventRules::default(),
            at: self.now,
        }
    }

    /// Stores a changed form of it, if it is changed.
    fn keep(&self, state: &mut State, object: &Value) {
        if *object != self.object {
            state.keep(self.now, &self.kind, object);
        }
    }

    /// Creates a dependent. One that cannot be created is not: the next look tries again.
    fn create(&self, state: &mut State, table: &str, object: Value) {
        let Some(kind) = state.catalog.by_table(table).cloned() else { return };
        let write = self.write(&kind, Key::new(&self.entry.key.namespace, ""));
        if let Err(status) = state.create(&write, object) {
            tracing::debug!("{} was not created: {}", kind.kind, status.message());
        }
    }

    /// The reference by which a dependent names this as its owner.
    fn owner_reference(&self) -> Value {
        serde_json::json!({
            "apiVersion": self.kind.api_version(),
            "kind": self.kind.kind,
            "name": &*self.entry.key.name,
            "uid": &*self.entry.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        })
    }

    fn dependents(&self, state: &State, table: &str) -> Vec<Arc<Entry>> {
        let places = state.store.dependents(&self.entry.uid).filter(|(of, _)| **of == *table);
        places.filter_map(|(table, key)| state.store.get(table, key)).cloned().collect()
    }

    fn delete(&self, state: &mut State, entry: &Entry, table: &str) {
        let Some(kind) = state.catalog.by_table(table).cloned() else { return };
        let write = self.write(&kind, entry.key.clone());
        // It may be gone already, which is what is wanted.
        let _ = state.delete(&write, &crate::write::DeleteOptions::background());
    }
}

/// Stores an object as it is, with a uid and a time if it has none; the way of tests and of the population.
pub(crate) fn put(state: &mut State, now: Timestamp, object: Value) -> Result<Value, Status> {
    let mut object = object;
    let kind = state.catalog.by_name(text_at(&object, "apiVersion"), text_at(&object, "kind")).cloned();
    let Some(kind) = kind.filter(|kind| kind.is_stored()) else {
        let (version, name) = (text_at(&object, "apiVersion"), text_at(&object, "kind"));
        return Err(Status::bad_request(format!("no matches for kind \"{name}\" in version \"{version}\"")));
    };
    let key = Key::of(&object);
    if key.name.is_empty() || kind.is_namespaced() == key.namespace.is_empty() {
        return Err(Status::bad_request("an object needs a name, and a namespace if its kind has one"));
    }
    drop_nulls(&mut object["metadata"]);
    check_shape(&kind, &object)?;
    let before = state.store.get(&kind.table(), &key).map(|entry| entry.decode());
    let (uid, metadata) = (state.random.uid(), within(&mut object, "metadata"));
    let inherited = |name: &str| before.as_ref().and_then(|before| before["metadata"].get(name)).cloned();
    metadata.entry("uid").or_insert_with(|| inherited("uid").unwrap_or_else(|| uid.into()));
    metadata
        .entry("creationTimestamp")
        .or_insert_with(|| inherited("creationTimestamp").unwrap_or_else(|| seconds(now).into()));
    let object = if crate::versions::is_newer_event(&kind) { crate::versions::stored(object) } else { object };
    let stored_kind = state.catalog.by_table(&kind.table()).cloned().unwrap_or(kind);
    Ok(state.keep(now, &stored_kind, &object).decode())
}

fn within<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object[key].is_object() {
        object[key] = Value::Object(Map::new());
    }
    object[key].as_object_mut().expect("it was just made an object")
}
