//! What is written, and taken back.

use findings::event::{Did, Event};
use serde_json::json;

use super::world::{JumpingClock, World, sweep, until, world};
use crate::fixture::{fingerprint, settings, sighting};

const NOTICE: &str = "ns-shop/notifications/keelwatch-7d2434324b358635";
const PLUGIN: &str = "higress-system/wasmplugins/keelwatch-block";

#[tokio::test]
async fn a_confirmed_finding_is_answered_by_all_three_and_each_is_taken_back_after_the_hold() {
    let world = world().await;
    let mut sweeper = world.sweeper();
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.writes().len(), 1, "only the tenant is told of what is not confirmed");
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), ["PATCH ns-shop 200".to_owned(), format!("PATCH {PLUGIN} 201")]);
    let plugin = world.plugin().unwrap();
    assert_eq!(plugin["spec"]["matchRules"][0]["ingress"], json!(["ns-shop/cart"]));
    assert_eq!(plugin["metadata"]["labels"]["app.kubernetes.io/instance"], "keelwatch");
    let notice = &world.notifications()[0];
    assert_eq!(
        (&notice["metadata"]["namespace"], &notice["spec"]["title"]),
        (&json!("ns-shop"), &json!("Forbidden processes in ns-shop"))
    );
    let namespace = world.sim.get("namespaces", "", "ns-shop").unwrap();
    assert_eq!(world.label("ns-shop").as_deref(), Some("locked"));
    assert_eq!(namespace["metadata"]["annotations"]["keelwatch.io/response"], "miner-name");
    assert!(namespace["metadata"]["labels"].get("app.kubernetes.io/managed-by").is_none(), "the namespace is not ours");

    world.collect(Vec::new(), &[1]).await;
    sweep(&mut sweeper).await;
    world.jump(9);
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), Vec::<String>::new());
    world.jump(2);
    sweep(&mut sweeper).await;
    let taken = ["PATCH ns-shop 200".to_owned(), format!("DELETE {PLUGIN} 200"), format!("DELETE {NOTICE} 200")];
    assert_eq!(world.writes(), taken);
    assert_eq!((world.plugin(), world.notifications(), world.label("ns-shop")), (None, Vec::new(), None));
    sweep(&mut sweeper).await;
    assert_eq!((world.writes(), world.responses.view().active.len()), (Vec::new(), 0));
}

#[tokio::test]
async fn a_sweep_without_a_change_writes_nothing_and_histories_tell_each_thing_once() {
    let world = world().await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    for _ in 0..3 {
        sweep(&mut sweeper).await;
    }
    assert_eq!(world.writes().len(), 3);
    let history = world.findings.history(&[fingerprint(1).as_str()], 20).await.unwrap();
    let mut told: Vec<(String, Did)> = history
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::Response { response, did, .. } => Some((response, did)),
            _ => None,
        })
        .collect();
    told.sort_by(|left, right| left.0.cmp(&right.0));
    let expected =
        ["namespace_label", "notification", "wasm_plugin"].map(|response| (response.to_owned(), Did::Applied));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn nothing_is_written_before_the_first_collection_of_a_leadership() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    // Another leadership begins: nothing has been looked at since.
    let term = storage::Term::begin(&world.storage, || true).await.unwrap();
    world.findings.lead(term.into()).await.unwrap();
    let mut sweeper = world.sweeper();
    sweep(&mut sweeper).await;
    let view = world.responses.view();
    assert_eq!(
        (world.writes(), view.warm, view.waiting.as_slice()),
        (Vec::new(), false, &["collection".to_owned()][..])
    );
    assert_eq!(view.planned.len(), 1, "the tenant would be told; the others wait for a node that looks");
}

#[tokio::test]
async fn a_collection_that_no_node_has_answered_is_none() {
    use findings::Freshness;
    let world = world().await;
    let mut sweeper = world.sweeper();
    let (since, reason) = (crate::fixture::at(0), "timeout".to_owned());
    let dead = [
        ("worker-1", Freshness::Stale { since, reason: reason.clone() }),
        ("worker-2", Freshness::Failed { reason }),
        ("worker-3", Freshness::Never),
    ];
    for nodes in [&[][..], &dead] {
        world.collect_nothing(nodes).await;
        sweep(&mut sweeper).await;
        let view = world.responses.view();
        assert_eq!((view.warm, view.waiting.as_slice()), (false, &["collection".to_owned()][..]));
    }
    world.collect_nothing(&[dead[1].clone(), ("worker-1", Freshness::Fresh)]).await;
    sweep(&mut sweeper).await;
    // One that has ended is enough, whatever becomes of the nodes.
    world.collect_nothing(&dead).await;
    sweep(&mut sweeper).await;
    assert_eq!((world.responses.view().warm, world.responses.view().waiting.len()), (true, 0));
}

#[tokio::test]
async fn a_rehearsal_writes_nothing_not_even_an_undo() {
    let world = world().await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    world.writes();
    let mut rehearsal = settings();
    rehearsal.dry_run = true;
    world.apply(&rehearsal);
    world.collect(Vec::new(), &[1]).await;
    world.jump(60);
    sweep(&mut sweeper).await;
    assert_eq!((world.writes(), world.responses.view().planned.len()), (Vec::new(), 3));
    assert!(world.plugin().is_some() && world.label("ns-shop").is_some());
}

#[tokio::test]
async fn a_silence_takes_everything_back_at_the_next_sweep() {
    use findings::silence::{Match, Origin, Silence};
    let world = world().await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    let now = api::Time::of(api::Clock::now(&*world.clock as &JumpingClock));
    let until = crate::plan::later(now, std::time::Duration::from_hours(1));
    let silence = Silence {
        id: "s".to_owned(),
        owner: "ops".to_owned(),
        reason: "known".to_owned(),
        until,
        matches: Match { namespace: Some("ns-shop".parse().unwrap()), ..Match::default() },
        created_by: "alice".to_owned(),
        created_at: now,
        origin: Origin::Api,
        ended: None,
    };
    world.findings.silence(silence, now).await.unwrap();
    sweep(&mut sweeper).await;
    assert_eq!((world.plugin(), world.notifications(), world.label("ns-shop")), (None, Vec::new(), None));
}

#[tokio::test]
async fn a_label_that_another_manager_set_too_survives_the_undo() {
    let world = world().await;
    let mut sweeper = world.sweeper();
    let label = json!({"clawcloud.run/status": "locked"});
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns-shop", "labels": label}});
    world.other_applies("/api/v1/namespaces/ns-shop", object).await;
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    world.collect(Vec::new(), &[1]).await;
    world.jump(11);
    sweep(&mut sweeper).await;
    assert_eq!((world.label("ns-shop").as_deref(), world.plugin()), (Some("locked"), None));
}

#[tokio::test]
async fn a_message_whose_labels_its_reader_replaced_is_still_found_and_deleted() {
    let world = world().await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    let mut read = world.notifications().remove(0);
    read["metadata"]["labels"] = json!({"isRead": "true"});
    world.sim.put(read).unwrap();
    // Once more with another leader, who has to find it first.
    sweeper = world.sweeper();
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.notifications()[0]["metadata"]["labels"], json!({"isRead": "true"}));
    world.collect(Vec::new(), &[1]).await;
    world.jump(11);
    sweep(&mut sweeper).await;
    assert_eq!(world.notifications(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_running_process_answers_a_finding_and_shows_what_is_in_force() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    let (stopper, stop) = runtime::shutdown::Stop::channel();
    let running = tokio::spawn({
        let (responses, lead) = (world.responses.clone(), world.lead.clone());
        async move { responses.run(lead, stop).await }
    });
    until(|| world.responses.view().applied.len() == 3).await;
    let overview = world.responses.overview(&crate::wire::OverviewFilter::default());
    assert!(overview.acting && overview.warm && overview.waiting_for.is_empty(), "{overview:?}");
    assert_eq!(overview.leader, "keelwatch-0");
    let only = crate::wire::OverviewFilter { namespace: Some("ns-b".to_owned()), ..Default::default() };
    assert_eq!(world.responses.overview(&only).applied, []);
    let of_shop = crate::wire::OverviewFilter { namespace: Some("ns-shop".to_owned()), ..Default::default() };
    assert_eq!(world.responses.overview(&of_shop).applied.len(), 3);
    stopper.stop();
    running.await.unwrap();
    assert!(!world.responses.overview(&crate::wire::OverviewFilter::default()).acting);
}

#[tokio::test]
async fn without_a_collection_that_looks_nothing_ends_and_a_mass_end_is_not_believed() {
    use findings::Freshness;
    let world = World::new(
        simcluster::SimCluster::builder().crds(&["wasmplugins", "notifications"]),
        crate::Settings { hold: std::time::Duration::ZERO, ..settings() },
    )
    .await;
    let mut sweeper = world.sweeper();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    world.writes();
    let stale = Freshness::Stale { since: crate::fixture::at(0), reason: "timeout".to_owned() };
    world.collect_with(Vec::new(), &[1], stale).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), Vec::<String>::new());
    let waiting = world.responses.view().waiting.clone();
    assert_eq!(waiting, ["undo: 3 of 3 would end at once while not every node is fresh"]);
    world.collect(Vec::new(), &[]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.writes().len(), 3);
}
