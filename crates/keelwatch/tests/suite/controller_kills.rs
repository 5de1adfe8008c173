//! A controller that is killed in the middle of its work has lost no finding, tells nothing twice but under the same key, and
//! leaves no object behind that nobody takes away.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::installation::Installation;
use crate::node::Node;
use crate::postgres::Postgres;

/// Starts, kills after a moment of work, so many times.
async fn killed(world: &mut Installation, times: usize) {
    for _ in 0..times {
        let controller = world.controller();
        // The Lease of the one before has to end first, which takes a second; what is interrupted then is the work itself.
        for _ in 0..=world.random.below(60) {
            world.happen();
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        controller.program.signal(Signal::KILL);
    }
}

/// Nothing runs any more: everything is undone and told, and nothing was lost.
async fn comes_to_rest(world: &Installation) {
    world.end_all();
    let controller = world.controller();
    let known = controller
        .until("/api/v1/coverage", async |_| {
            let items = every_finding(&controller).await;
            let all_over = items.iter().all(|item| item["state"] == "resolved" && item["stale"] == false);
            (all_over && items.len() >= world.ever.len()).then_some(items)
        })
        .await;
    let known: BTreeSet<String> = known.iter().map(|item| item["fingerprint"].as_str().unwrap().to_owned()).collect();
    assert_eq!(known, world.ever);
    controller
        .until("/api/v1/responses", async |response| {
            let answer: Value = response.json().await.ok()?;
            let is_over = answer["warm"] == true
                && answer["applied"].as_array()?.is_empty()
                && answer["messages"].as_array()?.iter().all(|queue| queue["pending"] == 0);
            is_over.then_some(())
        })
        .await;
    for resource in ["wasmplugins.extensions.higress.io", "notifications.notification.sealos.io"] {
        assert_eq!(world.cluster.list(resource, "", "").unwrap(), Vec::<Value>::new(), "{resource}");
    }
    world.nothing_was_told_twice();
}

/// Findings in any state, page by page.
async fn every_finding(controller: &Node) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let mut page: Value =
            controller.get(&format!("/api/v1/findings?state=all&limit=1000{next}")).await.json().await.unwrap();
        items.extend(page["items"].as_array_mut().into_iter().flat_map(std::mem::take));
        match page["continue"].as_str() {
            Some(token) => next = format!("&continue={token}"),
            None => return items,
        }
    }
}

async fn survives(storage: Option<String>, times: usize) {
    let mut world = Installation::new(storage).await;
    killed(&mut world, times).await;
    comes_to_rest(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_killed_again_and_again_loses_and_repeats_nothing() {
    survives(None, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_on_postgresql_that_is_killed_again_and_again_loses_and_repeats_nothing() {
    let Some(postgres) = Postgres::start() else { return };
    survives(Some(postgres.url()), 6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: cargo xtask soak controller_kills"]
async fn soak_controller_kills() {
    let postgres = Postgres::start().expect("the soak needs PostgreSQL");
    tokio::join!(survives(None, 200), survives(Some(postgres.url()), 200));
}
