//! An API server that fails in every way while pods come, change and go: the index stays right, and says how old it is.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use simcluster::{Effect, Fault, SimCluster};
use tokio::time::{Instant, timeout};

use crate::controller::{cluster, controller};
use crate::node::Node;

/// A watch that expired twice may have to wait 40 s for its list, and a connection 30 s for its turn.
const PATIENCE: Duration = Duration::from_mins(2);

/// Complete lists of one kind begin at least so far apart.
const BETWEEN_LISTS: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_index_is_right_after_every_outage() {
    weather(Duration::from_secs(2)).await;
}

/// `cargo xtask soak outages`: the same with longer outages.
#[tokio::test]
#[ignore = "takes minutes: cargo xtask soak outages"]
async fn soak_outages() {
    let total = crate::soak::duration();
    weather(total / 8).await;
}

/// One outage of each kind, each for so long, with changes throughout.
async fn weather(each: Duration) {
    let cluster = cluster().await;
    let controller = controller(&cluster.url().unwrap(), "auth: {anonymous_reads: true}\npods: {stale_after: 10s}");
    controller.until_status("/ready", reqwest::StatusCode::OK).await;
    let began = Instant::now();
    let mut changes = Changes::of(&cluster);

    changes
        .make(&cluster, each, |cluster, second| {
            if second {
                cluster.drop_watches();
            }
        })
        .await;
    until_same(&cluster, &controller, "watches that are dropped every second").await;

    cluster.set_faults(vec![Fault::new(Effect::Status { code: 429, retry_after: Some(1) })]);
    cluster.drop_watches();
    changes.make(&cluster, each, |_, _| {}).await;
    cluster.set_faults(Vec::new());
    until_same(&cluster, &controller, "429").await;

    let mut expired = Fault::new(Effect::ExpireWatch);
    expired.on.resource = Some("pods".to_owned());
    cluster.set_faults(vec![expired]);
    cluster.drop_watches();
    changes.make(&cluster, each, |_, _| {}).await;
    cluster.set_faults(Vec::new());
    until_same(&cluster, &controller, "every version expired").await;

    cluster.set_faults(vec![Fault::new(Effect::Down(each))]);
    cluster.drop_watches();
    let age = changes.make_while_down(&cluster, &controller, each).await;
    cluster.set_faults(Vec::new());
    assert!(age >= each.as_secs_f64() / 2.0, "while nothing is heard the age grows: {age}");
    until_same(&cluster, &controller, "the server stopped").await;

    let elapsed = began.elapsed();
    for kind in ["pods", "replicasets", "jobs", "namespaces"] {
        let lists = lists(&cluster, kind);
        // The first after the start, one more after the first 410, and then one each 30 s.
        let most = 2 + usize::try_from(elapsed.as_secs() / BETWEEN_LISTS.as_secs() + 1).unwrap();
        assert!(lists <= most, "{lists} complete lists of {kind} within {elapsed:?}");
    }
}

/// Complete lists of a kind that were asked for, streaming ones too.
fn lists(cluster: &SimCluster, kind: &str) -> usize {
    let is_first = |query: &str| !query.contains("continue=");
    let is_list = |request: &simcluster::Request| {
        let is_complete = !request.query.contains("watch=") || request.query.contains("sendInitialEvents=true");
        request.method == "GET"
            && request.path.ends_with(&format!("/{kind}"))
            && is_complete
            && is_first(&request.query)
    };
    cluster.requests().iter().filter(|request| is_list(request)).count()
}

/// Waits until the controller knows what the cluster has.
async fn until_same(cluster: &SimCluster, controller: &Node, after: &str) {
    let same = async {
        loop {
            let (known, there) = (known(controller).await, there(cluster));
            if known == there {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(PATIENCE, same).await.is_err() {
        assert_eq!(known(controller).await, there(cluster), "after {after}");
    }
    controller.until_status("/ready", reqwest::StatusCode::OK).await;
}

fn there(cluster: &SimCluster) -> BTreeSet<String> {
    let pods = cluster.list("pods", "", "").unwrap();
    pods.iter()
        .map(|pod| {
            let metadata = &pod["metadata"];
            [&metadata["namespace"], &metadata["name"], &metadata["uid"], &metadata["labels"]["turn"]]
                .map(text)
                .join("/")
        })
        .collect()
}

async fn known(controller: &Node) -> BTreeSet<String> {
    let list: Value = controller.get("/api/v1/pods?limit=1000").await.json().await.unwrap();
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|pod| [&pod["namespace"], &pod["name"], &pod["uid"], &pod["labels"]["turn"]].map(text).join("/"))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Changes of pods, one after another.
struct Changes {
    url: String,
    client: Client,
    turn: usize,
}

impl Changes {
    fn of(cluster: &SimCluster) -> Self {
        Self { url: cluster.url().unwrap(), client: Client::builder().no_proxy().build().unwrap(), turn: 0 }
    }

    /// Changes pods for so long, and does something besides, each time a second has gone by.
    async fn make(&mut self, cluster: &SimCluster, time: Duration, besides: impl Fn(&SimCluster, bool)) {
        const PAUSE: Duration = Duration::from_millis(50);
        let until = Instant::now() + time;
        let mut second = Instant::now();
        while Instant::now() < until {
            self.change(cluster).await;
            let is_over = second.elapsed() >= Duration::from_secs(1);
            if is_over {
                second = Instant::now();
            }
            besides(cluster, is_over);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The same; the age that was told last.
    async fn make_while_down(&mut self, cluster: &SimCluster, controller: &Node, time: Duration) -> f64 {
        self.make(cluster, time, |_, _| {}).await;
        let answer = controller.get("/api/v1/pods?limit=1").await;
        assert_eq!(answer.status(), 200, "what is known is served while the server is away");
        let freshness = answer.headers()["keelwatch-freshness"].to_str().unwrap().to_owned();
        let age = freshness.split("age=").nth(1).unwrap().split(',').next().unwrap();
        age.parse().unwrap()
    }

    async fn change(&mut self, cluster: &SimCluster) {
        self.turn += 1;
        let pods = cluster.list("pods", "", "").unwrap();
        let mut pod = pods[self.turn * 7 % pods.len()].clone();
        if self.turn.is_multiple_of(5) {
            let path = format!(
                "/api/v1/namespaces/{}/pods/{}",
                text(&pod["metadata"]["namespace"]),
                text(&pod["metadata"]["name"])
            );
            // A server that is down deletes nothing, and that is as good a turn as any.
            let _ = self.client.delete(format!("{}{path}?gracePeriodSeconds=0", self.url)).send().await;
            return;
        }
        pod["metadata"]["labels"]["turn"] = json!(self.turn.to_string());
        if self.turn.is_multiple_of(4) {
            pod["metadata"]["name"] = json!(format!("born-{}", self.turn));
            pod["metadata"].as_object_mut().unwrap().remove("uid");
        }
        cluster.put(pod).unwrap();
    }
}
