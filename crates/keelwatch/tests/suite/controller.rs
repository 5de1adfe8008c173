//! `keelwatch controller` over a simulated cluster: what former clients are answered, who leads, and what an API server that
//! fails changes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use simcluster::population::Sizes;
use simcluster::{AccessRule, Effect, Fault, SimCluster, User};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::node::Node;
use crate::program::{keelwatch, keelwatch_with, start_with, write};

const OPEN: &str = "auth: {anonymous_reads: true}";

/// A small cluster, and the namespace that the Lease is in.
pub(crate) async fn cluster() -> SimCluster {
    let sizes = Sizes { nodes: 3, pods: 30, namespaces: 2, images: 10, ..Sizes::default() };
    let cluster = SimCluster::builder().population(sizes).start().await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "keelwatch"}});
    cluster.put(namespace).unwrap();
    cluster
}

/// Starts a controller of the cluster at this address; `more` is more sections.
pub(crate) fn controller(url: &str, more: &str) -> Node {
    controller_in(url, more, &[])
}

fn controller_in(url: &str, more: &str, environment: &[(&str, &str)]) -> Node {
    let directory = TempDir::new().unwrap();
    let file = settings(&directory, url, more);
    Node::of(start_with(&["controller", "--settings", &file], environment), directory)
}

fn settings(directory: &TempDir, url: &str, more: &str) -> String {
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    let kubeconfig = write(directory.path(), "kubeconfig", &kubeconfig);
    let text = format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n\
         cluster: {{mode: required, kubeconfig: '{kubeconfig}'}}\nrelease: {{namespace: keelwatch}}\n\
         storage: {{url: 'sqlite::memory:'}}\n{more}\n"
    );
    write(directory.path(), "keelwatch.yaml", &text)
}

async fn told(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A pod of the cluster that runs and has an address of its own.
fn some_pod(cluster: &SimCluster) -> Value {
    let pods = cluster.list("pods", "", "status.phase=Running").unwrap();
    pods.into_iter()
        .find(|pod| pod["spec"]["hostNetwork"] != json!(true) && pod["status"]["podIP"].is_string())
        .unwrap()
}

#[tokio::test]
async fn clients_of_the_former_service_are_answered_before_and_after_the_sync() {
    let cluster = cluster().await;
    let late = Duration::from_secs(3);
    let mut late = Fault::new(Effect::Latency(late, late));
    late.on.resource = Some("pods".to_owned());
    cluster.set_faults(vec![late]);
    let controller = controller(&cluster.url().unwrap(), OPEN);
    assert_eq!(told(controller.get("/health").await).await, (200, json!({"status": "healthy"})));
    assert_eq!(told(controller.get("/ready").await).await, (503, json!({"error": "cache not synced"})));
    let early = controller.get("/api/v1/pod?uid=u").await;
    assert_eq!(early.headers()["retry-after"], "2");
    assert_eq!(told(early).await, (503, json!({"error": "cache not synced"})));
    let pod = some_pod(&cluster);
    controller.until_status("/ready", StatusCode::OK).await;
    assert_eq!(told(controller.get("/ready").await).await, (200, json!({"status": "ready", "podCount": 30})));
    let uid = pod["metadata"]["uid"].as_str().unwrap();
    let (status, answered) = told(controller.get(&format!("/api/v1/pod?uid={uid}")).await).await;
    let expected = [
        ("uid", &pod["metadata"]["uid"]),
        ("name", &pod["metadata"]["name"]),
        ("namespace", &pod["metadata"]["namespace"]),
        ("nodeName", &pod["spec"]["nodeName"]),
        ("phase", &pod["status"]["phase"]),
        ("podIP", &pod["status"]["podIP"]),
        ("labels", &pod["metadata"]["labels"]),
        ("createdAt", &pod["metadata"]["creationTimestamp"]),
    ];
    assert_eq!(status, 200);
    for (field, value) in expected {
        assert_eq!(&answered[field], value, "{field}");
    }
    assert_eq!(
        told(controller.get("/api/v1/pod?uid=").await).await,
        (400, json!({"error": "uid parameter is required"}))
    );
}

#[tokio::test]
async fn basic_auth_of_the_environment_opens_the_former_route_and_no_other() {
    let cluster = cluster().await;
    let user = [("BASIC_AUTH_USERNAME", "reader"), ("BASIC_AUTH_PASSWORD", "s3cret")];
    let controller = controller_in(&cluster.url().unwrap(), "", &user);
    let uid = some_pod(&cluster)["metadata"]["uid"].as_str().unwrap().to_owned();
    let get = async |path: &str, password: &str| {
        let url = format!("{}{path}", controller.api);
        controller.client.get(url).basic_auth("reader", Some(password)).send().await.unwrap()
    };
    controller.until_status("/ready", StatusCode::OK).await;
    assert_eq!(get(&format!("/api/v1/pod?uid={uid}"), "s3cret").await.status(), 200);
    let refused = get("/api/v1/pod?uid=u", "wrong").await;
    assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"Restricted\"");
    assert_eq!(told(refused).await, (401, json!({"error": "Unauthorized"})));
    assert_eq!(get("/api/v1/pods", "s3cret").await.status(), 401);
}

#[test]
fn half_a_basic_auth_is_refused_at_the_start() {
    let run = keelwatch_with(&["controller"], &[("BASIC_AUTH_USERNAME", "reader")]);
    run.is_refused_with("pods.basic_auth.password: is missing beside basic_auth.username");
}

#[test]
fn the_port_of_the_environment_comes_before_the_file() {
    let run = keelwatch_with(&["controller"], &[("PORT", "none")]);
    run.is_refused_with("listen.api");
}

#[tokio::test]
async fn a_token_of_the_cluster_is_good_for_what_the_cluster_allows() {
    // Header, claims and signature: what has no such form is not asked of anybody.
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwIn0.c2ln";
    let cluster = cluster().await;
    let prometheus = User { name: "system:serviceaccount:m:p".to_owned(), groups: Vec::new() };
    let may = AccessRule {
        path: Some("/api/v1/pods".to_owned()),
        verb: Some("get".to_owned()),
        allowed: true,
        ..AccessRule::default()
    };
    cluster.answers(BTreeMap::from([(token.to_owned(), Some(prometheus))]), vec![may]);
    let controller = controller(&cluster.url().unwrap(), "");
    controller.until_status("/ready", StatusCode::OK).await;
    let get = async |path: &str, token: &str| {
        controller.client.get(format!("{}{path}", controller.api)).bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!(get("/api/v1/pods", token).await, 200);
    assert_eq!(get("/debug/tasks", token).await, 403);
    assert_eq!(get("/api/v1/pods", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJxIn0.c2ln").await, 401);
    cluster.set_faults(vec![Fault::new(Effect::Status { code: 500, retry_after: None })]);
    assert_eq!(get("/api/v1/pods/watch", token).await, 503);
    assert_eq!(get("/api/v1/pods", token).await, 200, "what was answered a moment ago still holds");
}

#[tokio::test]
async fn the_api_is_described_by_what_serves_it() {
    let cluster = cluster().await;
    let controller = controller(&cluster.url().unwrap(), OPEN);
    let (status, document) = told(controller.get("/openapi.json").await).await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    for path in
        ["/api/v1/pod", "/api/v1/pods", "/api/v1/pods/lookup", "/api/v1/pods/watch", "/health", "/ready", "/readyz"]
    {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

/// Times by which tests of elections do not take long.
const LEADER: &str = "auth: {anonymous_reads: true}\nleader: {duration: 1s, renew: 600ms, retry: 200ms}";

async fn leads(controller: &Node) -> bool {
    controller.metric("keelwatch_leader").await == Some(1.0)
}

/// Waits until this one leads. `others` do not lead at the same time, whenever they are asked.
async fn until_leads(controller: &Node, others: &[&Node]) {
    let asking = async {
        loop {
            let leads_now = leads(controller).await;
            for other in others {
                assert!(!(leads(other).await && leads_now), "two lead");
            }
            if leads_now {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::node::PATIENCE, asking).await.expect("a leader");
}

/// Two controllers: the first leads, the second is ready to.
async fn leader_and_follower(first: &str, second: &str) -> (Node, Node) {
    let first = controller(first, LEADER);
    until_leads(&first, &[]).await;
    let second = controller(second, LEADER);
    second.until_status("/ready", StatusCode::OK).await;
    (first, second)
}

#[tokio::test]
async fn of_two_controllers_one_leads_and_the_other_follows_when_it_is_killed() {
    let cluster = cluster().await;
    let url = cluster.url().unwrap();
    let (first, second) = leader_and_follower(&url, &url).await;
    assert!(leads(&first).await && !leads(&second).await);
    first.program.signal(Signal::KILL);
    until_leads(&second, &[]).await;
}

// Waiting for the program's end must not keep the simulated server from answering it.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_lets_the_next_one_lead() {
    let cluster = cluster().await;
    let url = cluster.url().unwrap();
    let mut first = controller(&url, LEADER);
    until_leads(&first, &[]).await;
    first.program.signal(Signal::TERM);
    assert!(first.program.0.wait().unwrap().success());
    let lease = cluster.get("leases.coordination.k8s.io", "keelwatch", "keelwatch").unwrap();
    assert_eq!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default(), "", "{lease}");
    until_leads(&controller(&url, LEADER), &[]).await;
}

#[tokio::test]
async fn a_leader_that_is_cut_off_stops_before_another_starts() {
    let cluster = cluster().await;
    let line = Line::to(&cluster.url().unwrap()).await;
    let (first, second) = leader_and_follower(&line.url, &cluster.url().unwrap()).await;
    line.cut();
    until_leads(&second, &[&first]).await;
    assert!(!leads(&first).await);
    line.mend();
    first.until("/readyz", async |_| first.has_told("requests that need the leader go to").then_some(())).await;
    assert!(leads(&second).await && !leads(&first).await);
}

#[tokio::test]
async fn a_leader_that_was_paused_does_not_lead_when_it_goes_on() {
    let cluster = cluster().await;
    let url = cluster.url().unwrap();
    let (first, second) = leader_and_follower(&url, &url).await;
    first.program.signal(Signal::STOP);
    until_leads(&second, &[]).await;
    first.program.signal(Signal::CONT);
    first.until("/readyz", async |_| (!leads(&first).await).then_some(())).await;
    assert!(leads(&second).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_got_as_columns_and_documents() {
    let cluster = cluster().await;
    let controller = controller(&cluster.url().unwrap(), OPEN);
    controller.until_status("/ready", StatusCode::OK).await;
    let pod = some_pod(&cluster);
    let [namespace, name, uid, node] =
        [&pod["metadata"]["namespace"], &pod["metadata"]["name"], &pod["metadata"]["uid"], &pod["spec"]["nodeName"]]
            .map(|text| text.as_str().unwrap().to_owned());
    let get = |args: &[&str]| keelwatch(&[&["get", "pods", "--server", &controller.api], args].concat());

    let all = get(&[]);
    assert_eq!((all.code, all.stdout.lines().count()), (0, 31), "{all:?}");
    let one = get(&["-n", &namespace, &name]);
    let row = one.stdout.lines().nth(1).unwrap();
    assert!(row.starts_with(&namespace) && row.contains(&name) && row.contains(&node), "{one:?}");
    assert_eq!(get(&["--uid", &uid, "-o", "json"]).json()["items"][0]["name"], json!(name));
    let yaml = get(&["--uid", &uid, "-o", "yaml"]).stdout;
    assert!(yaml.contains(&format!("uid: {uid}")), "{yaml}");
    let of_node = get(&["--node", &node, "-o", "json"]).json();
    let placed = cluster.pods_on(&node).len();
    assert_eq!(of_node["count"], json!(placed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_got_is_told_in_one_line() {
    let cluster = cluster().await;
    let controller = controller(&cluster.url().unwrap(), "");
    controller.until_status("/ready", StatusCode::OK).await;
    let get = |args: &[&str]| keelwatch(&[&["get", "pods", "--server", &controller.api], args].concat());
    get(&[]).is_refused_with("401 unauthorized");
    keelwatch(&["get", "pods", "--server", "http://127.0.0.1:1"]).is_refused_with("http://127.0.0.1:1/api/v1/pods");
    keelwatch(&["get", "pods", "--server", "keelwatch.example"]).is_refused_with("the address");
}

/// A connection to the API server that can be cut.
struct Line {
    url: String,
    is_cut: watch::Sender<bool>,
}

impl Line {
    async fn to(url: &str) -> Self {
        let server: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cut.clone();
                tokio::spawn(async move {
                    // An accepted connection is dropped at once while the line is cut.
                    if *cut.borrow_and_update() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        Self { url, is_cut }
    }

    fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}
