//! Two controllers on one PostgreSQL: both answer the same, and only the leader writes.

use rustix::process::Signal;
use serde_json::Value;

use crate::installation::Installation;
use crate::node::Node;
use crate::postgres::Postgres;

/// What replicas must agree on.
const ASKED: [&str; 4] =
    ["/api/v1/findings?state=all", "/api/violations?state=all", "/api/v1/violations/nodes", "/api/v1/coverage"];

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_on_postgresql_answer_the_same_and_the_other_goes_on_when_the_leader_dies() {
    let Some(postgres) = Postgres::start() else { return };
    let mut world = Installation::new(Some(postgres.url())).await;
    let first = world.controller();
    leads(&first).await;
    let second = world.controller();
    for _ in 0..10 {
        world.happen();
    }
    agree(&world, &first, &second).await;
    assert_eq!(second.metric("keelwatch_leader ").await, Some(0.0));

    // Who may is asked of whoever leads, and a follower says so.
    let from_follower: Value = second.get("/api/v1/responses").await.json().await.unwrap();
    let from_leader: Value = first.get("/api/v1/responses").await.json().await.unwrap();
    assert_eq!(from_follower["leader"], from_leader["leader"]);

    first.program.signal(Signal::KILL);
    leads(&second).await;
    world.happen();
    until_all_are_known(&world, &second).await;
    world.end_all();
    second
        .until("/api/v1/findings?state=open", async |response| {
            let answer: Value = response.json().await.ok()?;
            (answer["count"] == 0 && answer["complete"] == true).then_some(())
        })
        .await;
    world.nothing_was_told_twice();
}

async fn leads(controller: &Node) {
    let metric = async || (controller.metric("keelwatch_leader ").await == Some(1.0)).then_some(());
    controller.until("/livez", async |_| metric().await).await;
}

async fn until_all_are_known(world: &Installation, controller: &Node) {
    controller
        .until("/api/v1/findings?state=all&limit=1000", async |response| {
            let answer: Value = response.json().await.ok()?;
            let items = answer["items"].as_array()?;
            let is_fresh = items.iter().all(|item| item["stale"] == false);
            (items.len() == world.ever.len() && is_fresh).then_some(())
        })
        .await;
}

/// Waits until both know everything and say the same of it.
async fn agree(world: &Installation, first: &Node, second: &Node) {
    until_all_are_known(world, first).await;
    until_all_are_known(world, second).await;
    for path in ASKED {
        // A round may end between two questions, so equal answers are waited for.
        first
            .until(path, async |response| {
                let one: Value = response.json().await.ok()?;
                let other: Value = second.get(path).await.json().await.ok()?;
                (without_time(one) == without_time(other)).then_some(())
            })
            .await;
    }
}

/// The moment of the answer differs.
fn without_time(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("as_of");
    }
    answer
}
