//! Rehearsals by request.

use serde_json::{Value, json};

use super::world::{World, world};
use crate::fixture::{fingerprint, settings, sighting};
use crate::preview::preview;
use crate::wire::{Preview, PreviewAsk};
use crate::{Settings, wire};

async fn ask(world: &World, ask: Value) -> Result<Preview, u16> {
    let ask: PreviewAsk = serde_json::from_value(ask).unwrap();
    preview(world.responses.shared(), ask).await.map_err(|fault| fault.status().as_u16())
}

fn objects(preview: &Preview) -> Vec<String> {
    preview.plan.iter().map(|write| format!("{:?} {}", write.verb, write.object)).collect()
}

#[tokio::test]
async fn a_rehearsal_shows_whole_objects_and_writes_nothing() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    let preview = ask(&world, json!({})).await.unwrap();
    let expected = [
        "Apply Namespace/ns-shop",
        "Apply WasmPlugin/higress-system/keelwatch-block",
        "Apply Notification/ns-shop/keelwatch-7d2434324b358635",
    ];
    assert_eq!(objects(&preview), expected);
    let manifest = Value::Object(preview.plan[1].manifest.clone());
    assert_eq!((&manifest["kind"], &manifest["metadata"]["name"]), (&json!("WasmPlugin"), &json!("keelwatch-block")));
    assert_eq!(manifest["spec"]["matchRules"][0]["ingress"], json!(["ns-shop/cart"]));
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn other_settings_can_be_tried_while_everything_is_off() {
    let builder = simcluster::SimCluster::builder().crds(&["wasmplugins", "notifications"]);
    let world = World::new(builder, Settings::default()).await;
    world.confirm(vec![sighting(1)]).await;
    assert_eq!(objects(&ask(&world, json!({})).await.unwrap()), Vec::<String>::new());
    let posted = json!({"settings": {"wasm_plugin": {"enabled": true, "url": "https://u:p@h/p.wasm"}}});
    let preview = ask(&world, posted).await.unwrap();
    assert_eq!(objects(&preview), ["Apply WasmPlugin/higress-system/keelwatch-block"]);
    assert_eq!(preview.plan[0].manifest["spec"]["url"], "https://***@h/p.wasm");
    assert_eq!(preview.plan[0].manifest["spec"]["matchRules"][0]["ingress"], json!(["ns-shop/cart"]));
}

#[tokio::test]
async fn only_the_findings_that_are_named_are_rehearsed_and_unknown_ones_are_404() {
    let world = world().await;
    world.confirm(vec![sighting(1), super::world::sighting_in(2, "ns-b")]).await;
    let one = json!({"findings": [fingerprint(2)]});
    let preview = ask(&world, one).await.unwrap();
    assert!(objects(&preview).iter().all(|object| !object.contains("ns-shop")), "{:?}", objects(&preview));
    assert_eq!(ask(&world, json!({"findings": [fingerprint(9)]})).await, Err(404));
    assert_eq!(ask(&world, json!({"settings": {"every": "1s"}})).await, Err(422));
}

#[tokio::test]
async fn the_api_server_checks_each_object_and_stores_none() {
    let world = world().await;
    world.confirm(vec![sighting(1)]).await;
    assert_eq!(ask(&world, json!({"server_dry_run": true})).await, Err(503), "nobody leads");
    let (stopper, stop) = runtime::shutdown::Stop::channel();
    let mut rehearsal = settings();
    rehearsal.dry_run = true;
    world.apply(&rehearsal);
    let running = tokio::spawn({
        let (responses, lead) = (world.responses.clone(), world.lead.clone());
        async move { responses.run(lead, stop).await }
    });
    super::world::until(|| world.responses.view().as_of.is_some()).await;
    let checked = ask(&world, json!({"server_dry_run": true})).await.unwrap();
    assert_eq!(checked.plan.iter().map(|write| write.refused.as_deref()).collect::<Vec<_>>(), [None; 3]);
    let asked = world.sim.requests().iter().filter(|request| request.query.contains("dryRun=All")).count();
    assert_eq!((asked, world.plugin(), world.label("ns-shop")), (3, None, None));
    let posted = json!({"settings": {"notification": {"enabled": true, "on_resolve": "mark"}}, "server_dry_run": true});
    let refused: wire::Preview = ask(&world, posted).await.unwrap();
    assert_eq!(refused.plan.len(), 1);
    stopper.stop();
    running.await.unwrap();
}
