//! What is in a cluster before anybody asks.
//!
//! Owns the first namespaces, the APIServices, the definitions that come with the simulation, and taking in a population. All
//! of it lies before history: no watch sees it happen.

use std::sync::{Arc, mpsc};

use jiff::Timestamp;
use serde_json::json;

use crate::catalog::Catalog;
use crate::clock::seconds;
use crate::motion::Churn;
use crate::population::{self, Object, population};
use crate::schema::DEFINITIONS;
use crate::settings::{Offer, Settings};
use crate::state::State;
use crate::store::{Entry, Key};
use crate::write::{EventRules, Part, Run, Validation, Write};

/// Objects that go from thread to thread at once, and how many times that may wait: 16 × 256 × 6 KB are 24 MB at most.
const BATCH: usize = 256;
const BATCHES: usize = 16;

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

pub(crate) fn found(state: &mut State, settings: &Settings, at: Timestamp) {
    create_namespaces(state, at);
    define(state, settings, at);
    register_services(state, settings.metrics_api, at);
    state.agenda.clear();
    if let Some(sizes) = &settings.population {
        populate(state, settings.seed, &population::Sizes { now: at, ..sizes.clone() });
    }
    state.churn = Churn::new(settings.churn, settings.seed, at, &state.store);
    state.store.forget();
}

fn create_namespaces(state: &mut State, at: Timestamp) {
    let kind = state.catalog.get("", "v1", "namespaces").cloned().expect("every cluster has namespaces");
    for name in NAMESPACES {
        let write = Write {
            kind: Arc::clone(&kind),
            key: Key::new("", name),
            part: Part::Whole,
            manager: "kube-apiserver".to_owned(),
            run: Run::Real,
            validation: Validation::Ignore,
            events: EventRules::default(),
            at,
        };
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        state.create(&write, object).expect("the first namespaces are valid");
    }
}

/// Registers definitions. A plural that is none of them is left out.
fn define(state: &mut State, settings: &Settings, at: Timestamp) {
    let wanted = DEFINITIONS.iter().filter(|definition| settings.crds.iter().any(|plural| plural == definition.name));
    for definition in wanted {
        let object = serde_json::from_str(definition.text).expect("the restated definitions are JSON");
        crate::motion::put(state, at, object).expect("the restated definitions can be served");
    }
}

/// The groups are listed as APIServices, as the aggregator of real servers does.
fn register_services(state: &mut State, metrics_api: Offer, at: Timestamp) {
    let kind = state.catalog.get("apiregistration.k8s.io", "v1", "apiservices").cloned().expect("it is built in");
    let groups: Vec<(String, String)> = {
        let groups = state.catalog.groups();
        let pairs = groups.iter().flat_map(|(group, versions)| versions.iter().map(move |version| (*group, *version)));
        let metrics = (metrics_api == Offer::Offered).then_some(("metrics.k8s.io", "v1beta1"));
        pairs.chain(metrics).map(|(group, version)| (group.to_owned(), version.to_owned())).collect()
    };
    for (group, version) in groups {
        let uid = state.random.uid();
        let object = json!({
            "metadata": {
                "name": format!("{version}.{group}"), "uid": uid, "creationTimestamp": seconds(at),
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
            },
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 17_000, "versionPriority": 1},
            "status": {"conditions": [{
                "type": "Available", "status": "True", "lastTransitionTime": seconds(at), "reason": "Local",
                "message": "Local APIServices are always available",
            }]},
        });
        state.keep(at, &kind, &object);
    }
}

/// Takes in a population. Objects of a kind that is not registered stay outside, as they would on a real server.
fn populate(state: &mut State, seed: u64, sizes: &population::Sizes) {
    let first_version = state.store.next_version();
    let population = population(seed, sizes);
    state.images = population.images();
    // One thread writes objects while this one takes them in: each is half of the work.
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(BATCHES);
        let (catalog, store) = (&state.catalog, &mut state.store);
        scope.spawn(move || {
            let mut entries = population.objects(first_version).filter_map(|object| entry(catalog, object));
            loop {
                let batch: Vec<(String, Entry)> = entries.by_ref().take(BATCH).collect();
                // The receiver goes only when it panicked.
                if batch.is_empty() || sender.send(batch).is_err() {
                    return;
                }
            }
        });
        receiver.into_iter().flatten().for_each(|(table, entry)| store.seed(&table, entry));
    });
    crate::motion::start_nodes(state, sizes.now);
}

/// What is stored of an object, with its table.
fn entry(catalog: &Catalog, object: Object) -> Option<(String, Entry)> {
    let kind = catalog.by_name(object.api_version, object.kind).filter(|kind| kind.is_stored())?;
    Some((kind.table(), Entry::populated(kind, object)))
}
