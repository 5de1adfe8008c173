//! What a pod belongs to.

use super::*;
use crate::fixture::{middle, reference};
use crate::index::owners::Middle;

impl Told {
    fn middle(&mut self, kind: Middle, name: &str, uid: &str, controller: Option<objects::OwnerReference>) {
        let changes = &mut self.changes;
        self.index.middle_seen(kind, &middle(name, uid, controller), &mut |change| changes.push(words(change)));
    }

    /// `Deployment cart (uid), resolved` and the chain.
    fn owner(&self, name: &str) -> (String, Vec<String>) {
        let more = self.full(name).more.unwrap();
        let crate::wire::Owner { kind, name, uid, resolved, .. } = more.owner;
        let chain = more.owner_chain.into_iter().map(|step| format!("{}/{}", step.kind, step.name)).collect();
        (format!("{kind}/{name} `{uid}` {resolved}"), chain)
    }
}

fn cart() -> objects::Pod {
    pod("cart-7d4b9-x", "p").owner("ReplicaSet", "cart-7d4b9", "rs").label("pod-template-hash", "7d4b9")
}

#[test]
fn an_owner_is_guessed_until_the_replica_set_is_seen() {
    let mut told = Told::new();
    told.seen(&cart());
    let chain = ["ReplicaSet/cart-7d4b9", "Deployment/cart"].map(str::to_owned).to_vec();
    assert_eq!(told.owner("cart-7d4b9-x"), ("Deployment/cart `` false".into(), chain.clone()));
    told.changes();
    told.middle(Middle::ReplicaSet, "cart-7d4b9", "rs", Some(reference("Deployment", "cart", "d")));
    told.middle(Middle::ReplicaSet, "cart-7d4b9", "rs", Some(reference("Deployment", "cart", "d")));
    assert_eq!(told.owner("cart-7d4b9-x"), ("Deployment/cart `d` true".into(), chain));
    assert_eq!(told.changes(), ["~p"]);
}

#[test]
fn an_owner_stays_known_when_the_replica_set_goes_first() {
    let mut told = Told::new();
    told.middle(Middle::ReplicaSet, "cart-7d4b9", "rs", Some(reference("Deployment", "cart", "d")));
    told.seen(&cart());
    told.changes();
    told.index.middle_gone(Middle::ReplicaSet, "rs");
    assert_eq!((told.owner("cart-7d4b9-x").0, told.changes()), ("Deployment/cart `d` true".into(), vec![]));
    told.gone(&cart());
    told.pass(3600);
    assert_empty(&told.index);
}

#[test]
fn a_rollout_is_guessed_by_its_own_hash() {
    let mut told = Told::new();
    let labels = pod("a", "p").owner("ReplicaSet", "cart-6c8f", "rs").label("rollouts-pod-template-hash", "6c8f");
    told.seen(&labels);
    assert_eq!(told.owner("a").0, "Rollout/cart `` false");
}

#[test]
fn a_replica_set_without_a_hash_is_not_guessed_beyond() {
    let mut told = Told::new();
    told.seen(&pod("a", "p").owner("ReplicaSet", "cart", "rs"));
    assert_eq!(told.owner("a").0, "ReplicaSet/cart `rs` false");
    told.middle(Middle::ReplicaSet, "cart", "rs", None);
    assert_eq!(told.owner("a").0, "ReplicaSet/cart `rs` true");
}

#[test]
fn unknown_kinds_are_kept_by_reference() {
    let mut told = Told::new();
    told.seen(&pod("a", "p").owner("RayCluster", "ray", "r"));
    assert_eq!(told.owner("a"), ("RayCluster/ray `r` true".into(), vec!["RayCluster/ray".into()]));
    told.seen(&pod("b", "q"));
    assert_eq!(told.owner("b"), ("Pod/b `q` true".into(), vec![]));
}

#[test]
fn a_job_leads_to_its_cron_job() {
    let mut told = Told::new();
    told.seen(&pod("a", "p").owner("Job", "backup-29", "j"));
    assert_eq!(told.owner("a").0, "Job/backup-29 `j` false");
    told.middle(Middle::Job, "backup-29", "j", Some(reference("CronJob", "backup", "c")));
    assert_eq!(told.owner("a").0, "CronJob/backup `c` true");
}

#[test]
fn a_reference_leads_on_only_if_all_of_it_is_true() {
    let mut told = Told::new();
    told.middle(Middle::ReplicaSet, "cart-7d4b9", "rs", Some(reference("Deployment", "cart", "d")));
    told.seen(&pod("a", "p").owner("ReplicaSet", "other-7d4b9", "rs"));
    told.seen(&pod("b", "q").owner("Job", "cart-7d4b9", "rs"));
    let mut foreign = cart().namespace("tenant");
    foreign.metadata.uid = "f".into();
    told.seen(&foreign);
    assert_eq!(
        [told.owner("a").0, told.owner("b").0],
        ["ReplicaSet/other-7d4b9 `rs` false", "Job/cart-7d4b9 `rs` false"]
    );
    assert!(told.index.live().filter(|view| view.namespace() == "tenant").all(|view| !view.chain().resolved));
}

#[test]
fn of_several_references_the_controller_counts() {
    let mut told = Told::new();
    let mut shared = pod("a", "p");
    let other = objects::OwnerReference { controller: false, ..reference("Node", "node-1", "n") };
    shared.metadata.owner_references = vec![other.clone(), reference("StatefulSet", "db", "s")];
    told.seen(&shared);
    assert_eq!(told.owner("a").0, "StatefulSet/db `s` true");
    shared.metadata.owner_references[1].controller = false;
    told.seen(&shared);
    assert_eq!(told.owner("a").0, "Pod/a `p` true");
    shared.metadata.owner_references = vec![other];
    told.seen(&shared);
    assert_eq!(told.owner("a").0, "Node/node-1 `n` true");
}

#[test]
fn circles_and_long_chains_end() {
    let mut told = Told::new();
    told.seen(&pod("a", "p").owner("ReplicaSet", "r0", "r0"));
    for at in 0..30 {
        let next = (at + 1) % 30;
        let above = reference("ReplicaSet", &format!("r{next}"), &format!("r{next}"));
        told.middle(Middle::ReplicaSet, &format!("r{at}"), &format!("r{at}"), Some(above));
    }
    assert_eq!(told.owner("a").1, ["ReplicaSet/r0", "ReplicaSet/r1", "ReplicaSet/r2", "ReplicaSet/r3"]);
    told.gone(&pod("a", "p"));
    told.index.begin_middles(Middle::ReplicaSet);
    told.index.end_middles(Middle::ReplicaSet);
    told.pass(3600);
    assert_empty(&told.index);
}

#[test]
fn a_complete_list_of_replica_sets_forgets_those_that_are_gone() {
    let mut told = Told::new();
    for name in ["a-1", "b-1", "c-1"] {
        told.middle(Middle::ReplicaSet, name, name, Some(reference("Deployment", &name[..1], &name[..1])));
    }
    told.index.begin_middles(Middle::ReplicaSet);
    told.middle(Middle::ReplicaSet, "a-1", "a-1", Some(reference("Deployment", "a", "a")));
    told.index.middle_unreadable(Middle::ReplicaSet, "shop", "b-1");
    told.index.end_middles(Middle::ReplicaSet);
    assert_eq!(told.index.shared.owners.counts(), (2, 2));
}
