//! Logs: the hook, the lines without one, the parameters that cut them.

use serde_json::json;

use crate::fixture::{call, start, text};
use crate::{LogAsk, SimCluster};

const LOG: &str = "/api/v1/namespaces/default/pods/p/log";

async fn with_pod(builder: crate::Builder) -> SimCluster {
    let sim = start(builder).await;
    let status = json!({"phase": "Running", "containerStatuses": [{"name": "web", "restartCount": 1}]});
    let containers = json!([{"name": "web"}, {"name": "side"}]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": containers},
        "status": status,
    });
    sim.put(pod).unwrap();
    sim
}

async fn log(sim: &SimCluster, query: &str) -> (u16, String) {
    let answer = call(sim, "GET", &format!("{LOG}?{query}"), None, "").await;
    (answer.status().as_u16(), text(answer).await)
}

#[tokio::test]
async fn a_container_that_nobody_speaks_for_wrote_ten_lines() {
    let sim = with_pod(SimCluster::builder()).await;
    assert_eq!(log(&sim, "container=side&tailLines=2").await, (200, "side: line 9\nside: line 10\n".to_owned()));
    assert_eq!(log(&sim, "container=side&limitBytes=4").await, (200, "side".to_owned()));
    assert_eq!(log(&sim, "container=side").await.1.lines().count(), 10);
}

#[tokio::test]
async fn a_hook_says_what_a_container_wrote() {
    let hook = |ask: &LogAsk| {
        let of = ask.pod["metadata"]["name"].as_str()?;
        (ask.container == "web").then(|| format!("{of} previous={}\nschön", ask.previous))
    };
    let sim = with_pod(SimCluster::builder().on_logs(hook)).await;
    assert_eq!(log(&sim, "container=web").await.1, "p previous=false\nschön");
    assert_eq!(log(&sim, "container=web&previous=true&tailLines=1").await.1, "schön");
    assert_eq!(log(&sim, "container=side&tailLines=1").await.1, "side: line 10\n");
}

#[tokio::test]
async fn an_unknown_container_and_a_choice_that_is_not_made_are_refused() {
    let sim = with_pod(SimCluster::builder()).await;
    for query in ["container=nope", "", "container=side&previous=true"] {
        assert_eq!(log(&sim, query).await.0, 400, "{query}");
    }
}
