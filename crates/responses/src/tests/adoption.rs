//! Another leader begins where the former one ended.

use serde_json::json;

use super::world::{sweep, world};
use crate::fixture::sighting;
use crate::ledger;

#[tokio::test]
async fn what_was_written_and_not_remembered_is_adopted_not_written_twice_and_taken_back_in_the_end() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut world.sweeper()).await;
    assert_eq!(world.writes().len(), 3);
    // Killed between the write and the ledger.
    world.lose_the_ledger().await;
    let mut sweeper = world.sweeper();
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), Vec::<String>::new());
    let ledger = ledger::load(&world.storage).await.unwrap();
    assert_eq!((ledger.items.len(), ledger.objects.len()), (3, 3));
    assert!(ledger.items.values().all(|item| item.findings.len() == 1), "{ledger:?}");
    world.collect(Vec::new(), &[1]).await;
    world.jump(11);
    sweep(&mut sweeper).await;
    assert_eq!((world.plugin(), world.notifications(), world.label("ns-shop")), (None, Vec::new(), None));
}

#[tokio::test]
async fn what_nobody_knows_the_cause_of_is_taken_back_after_the_hold() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut world.sweeper()).await;
    world.lose_the_ledger().await;
    world.collect(Vec::new(), &[1]).await;
    world.jump(60);
    let mut sweeper = world.sweeper();
    sweep(&mut sweeper).await;
    assert!(world.plugin().is_some() && world.label("ns-shop").is_some());
    world.jump(11);
    sweep(&mut sweeper).await;
    assert_eq!((world.plugin(), world.notifications(), world.label("ns-shop")), (None, Vec::new(), None));
}

#[tokio::test]
async fn a_block_that_was_edited_by_hand_is_put_back_and_other_fields_stay() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut world.sweeper()).await;
    let path = "/apis/extensions.higress.io/v1alpha1/namespaces/higress-system/wasmplugins/keelwatch-block";
    let edited = json!({
        "apiVersion": "extensions.higress.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": {"name": "keelwatch-block", "labels": {"team": "edge"}},
        "spec": {"matchRules": [], "verificationKey": "theirs"},
    });
    world.other_applies(path, edited).await;
    world.writes();
    let mut sweeper = world.sweeper();
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    let plugin = world.plugin().unwrap();
    assert_eq!(plugin["spec"]["matchRules"][0]["ingress"], json!(["ns-shop/cart"]));
    assert_eq!(
        (&plugin["metadata"]["labels"]["team"], &plugin["spec"]["verificationKey"]),
        (&json!("edge"), &json!("theirs"))
    );
    world.writes();
    sweep(&mut sweeper).await;
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_block_that_was_deleted_by_hand_is_made_again() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut world.sweeper()).await;
    let path = "/apis/extensions.higress.io/v1alpha1/namespaces/higress-system/wasmplugins/keelwatch-block";
    world.send(http::Request::delete(path).body(String::new()).unwrap()).await;
    let mut sweeper = world.sweeper();
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    assert!(world.plugin().is_some());
}

#[tokio::test]
async fn a_namespace_that_a_person_unlocked_stays_unlocked_until_the_next_episode() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut world.sweeper()).await;
    let unlocked = json!({"metadata": {"labels": {"clawcloud.run/status": "running"}}});
    let request = http::Request::patch("/api/v1/namespaces/ns-shop?fieldManager=kubectl-label")
        .header("content-type", "application/merge-patch+json");
    world.send(request.body(unlocked.to_string()).unwrap()).await;
    let mut sweeper = world.sweeper();
    world.collect(vec![sighting(1)], &[]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.label("ns-shop").as_deref(), Some("running"));
    assert_eq!(world.reasons(), ["namespace_label conflict"]);
    // A change of what is wanted does not bring it back either.
    let mut other = sighting(2);
    other.told.rule = "shell".into();
    world.confirm(vec![sighting(1)]).await;
    sweep(&mut sweeper).await;
    assert_eq!(world.label("ns-shop").as_deref(), Some("running"));
    world.collect(Vec::new(), &[1]).await;
    world.jump(11);
    sweep(&mut sweeper).await;
    let namespace = world.sim.get("namespaces", "", "ns-shop").unwrap();
    assert_eq!(namespace["metadata"]["annotations"].get("keelwatch.io/response"), None);
    assert_eq!(world.label("ns-shop").as_deref(), Some("running"));
}
