//! Bounds: how much at once, how fast, and who may.

use std::sync::Arc;

use kubeio::election::{Candidate, Election, identity};
use runtime::settings::sections::LeaderSettings;
use runtime::shutdown::Stop;
use tokio::time::Instant;

use super::world::{put_app, sighting_in, sweep, until, world};
use crate::Lead;
use crate::fixture::{settings, sighting};
use crate::ledger;
use crate::response::Response;
use crate::sweep::{Ended, Sweeper};

#[tokio::test]
async fn thirty_new_namespaces_are_labeled_three_a_sweep() {
    let world = world().await;
    let names: Vec<String> = (0..30).map(|number| format!("ns-{number:02}")).collect();
    let seen = (0..).zip(&names).map(|(number, name)| {
        put_app(&world.sim, name, "cart");
        sighting_in(number, name)
    });
    world.confirm(seen.collect()).await;
    let mut settings = settings();
    (settings.wasm_plugin.enabled, settings.notification.enabled) = (false, false);
    settings.namespace_label.max_active = 1000;
    world.apply(&settings);
    sweep(&mut world.sweeper()).await;
    let labeled = names.iter().filter(|name| world.label(name).is_some()).count();
    let view = world.responses.view();
    let limited =
        view.skipped_counts().get(&(Response::NamespaceLabel, crate::response::Reason::PerSweepLimit)).copied();
    assert_eq!((labeled, limited), (3, Some(27)));
}

#[tokio::test]
async fn who_loses_the_lead_in_the_middle_writes_no_more_and_remembers_what_it_wrote() {
    let world = world().await;
    let names: Vec<String> = (0..10).map(|number| format!("ns-{number}")).collect();
    let seen = (0..).zip(&names).map(|(number, name)| {
        put_app(&world.sim, name, "cart");
        sighting_in(number, name)
    });
    world.confirm(seen.collect()).await;
    let mut settings = settings();
    (settings.wasm_plugin.enabled, settings.notification.enabled) = (false, false);
    settings.namespace_label.max_per_sweep = 100;
    world.apply(&settings);
    let (stopper, stop) = Stop::channel();
    let candidate = Candidate { identity: identity("me", 7), address: String::new() };
    let election = Election::start(&world.cluster, &LeaderSettings::default(), candidate, stop);
    until(|| election.leading().is_some()).await;
    let lead = Lead { election: election.clone(), term: Arc::clone(&world.lead.term) };
    let mut sweeper = Sweeper::begin(Arc::clone(world.responses.shared()), lead, world.stop.clone()).unwrap();
    let labeled = || names.iter().filter(|name| world.label(name).is_some()).count();
    let lose = async {
        until(|| labeled() >= 2).await;
        stopper.stop();
        election.ended().await;
    };
    let (swept, ()) = tokio::join!(sweeper.sweep(), lose);
    assert_eq!(swept, Err(Ended));
    let written = labeled();
    assert!((2..10).contains(&written), "{written}");
    assert_eq!(ledger::load(&world.storage).await.unwrap().items.len(), written);
}

#[tokio::test]
async fn what_a_leader_does_ends_with_its_lead() {
    let world = world().await;
    let (stopper, stop) = Stop::channel();
    let candidate = Candidate { identity: identity("me", 7), address: String::new() };
    let election = Election::start(&world.cluster, &LeaderSettings::default(), candidate, stop);
    until(|| election.leading().is_some()).await;
    let lead = Lead { election: election.clone(), term: Arc::clone(&world.lead.term) };
    let running = world.responses.run(lead, world.stop.clone());
    let lose = async {
        stopper.stop();
        election.ended().await;
        // A sweep begins because of this.
        world.apply(&settings());
    };
    let ended = async { tokio::join!(running, lose) };
    tokio::time::timeout(std::time::Duration::from_mins(1), ended).await.expect("it ends");
}

#[tokio::test]
async fn writes_go_ten_a_second_at_most() {
    let world = world().await;
    let names: Vec<String> = (0..8).map(|number| format!("ns-{number}")).collect();
    let seen = (0..).zip(&names).map(|(number, name)| {
        put_app(&world.sim, name, "cart");
        sighting_in(number, name)
    });
    world.confirm(seen.collect()).await;
    let mut settings = settings();
    (settings.wasm_plugin.enabled, settings.namespace_label.enabled) = (false, false);
    world.apply(&settings);
    let began = Instant::now();
    sweep(&mut world.sweeper()).await;
    assert_eq!(world.notifications().len(), 8);
    assert!(began.elapsed().as_millis() >= 700, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_namespace_that_is_deleted_between_plan_and_apply_is_a_conflict_and_none_appears() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    let leading = world.lead.proof().unwrap();
    let (outcome, namespace) = crate::sweep::label_of_old(&world.cluster, &leading, "ns-gone", "an-old-uid").await;
    assert_eq!((outcome.as_str(), namespace), ("conflict", None));
    assert_eq!(world.sim.get("namespaces", "", "ns-gone"), None);
}
