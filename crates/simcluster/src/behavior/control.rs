//! The control routes, metrics, and the listener.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::fixture::{MAPS, cluster, create_maps, get, send, start};
use crate::{Effect, Fault, ListenError, Pace, SimCluster, User};

async fn controlled() -> SimCluster {
    start(SimCluster::builder().control()).await
}

#[tokio::test]
async fn control_routes_are_served_only_on_demand() {
    assert_eq!(get(&cluster().await, "/_sim/state").await.code, 404);
    assert_eq!(get(&controlled().await, "/_sim/state").await.code, 200);
}

#[tokio::test]
async fn documents_are_loaded_and_a_step_moves_what_they_make() {
    let sim = controlled().await;
    let documents = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n---\napiVersion: v1\nkind: Pod\n\
        metadata: {name: p, namespace: default}\nspec: {containers: [{name: c, image: i}]}\nstatus: {phase: Pending}\n";
    let loaded = crate::fixture::call(&sim, "POST", "/_sim/load", None, documents).await;
    assert_eq!(crate::fixture::text(loaded).await.split_whitespace().collect::<String>(), "{\"created\":2}");
    let moved = send(&sim, "POST", "/_sim/step", &json!({"advance": "1s"})).await;
    assert!(moved.body["moved"].as_u64() > Some(0), "{moved:?}");
    assert_eq!(get(&sim, "/api/v1/namespaces/default/pods/p").await.body["status"]["phase"], "Running");
    let refused = crate::fixture::call(&sim, "POST", "/_sim/load", None, "kind: Nothing").await;
    assert_eq!(refused.status().as_u16(), 422);
}

#[tokio::test]
async fn faults_are_set_as_text_and_read_back_with_their_counts() {
    let sim = controlled().await;
    let faults = json!([
        {"verb": "list", "resource": "configmaps", "times": 1, "effect": {"status": 429, "retry_after": 1}},
        {"watch": true, "share": 0.5, "effect": {"latency": "200ms..2s"}},
        {"effect": {"drop_watch": 3}}, {"effect": "stall", "namespace": "nowhere"}, {"effect": {"skew": "-30s"}, "times": 0},
    ]);
    assert_eq!(send(&sim, "PUT", "/_sim/faults", &faults).await.code, 200);
    assert_eq!(get(&sim, MAPS).await.code, 429);
    let read = get(&sim, "/_sim/faults").await.body;
    assert_eq!((&read[0]["met"], &read[1]["effect"]), (&json!(1), &json!({"latency": "200ms..2s"})));
    assert_eq!(send(&sim, "PUT", "/_sim/faults", &read).await.code, 200);
}

#[tokio::test]
async fn a_bad_fault_is_named_by_its_place() {
    let sim = controlled().await;
    for bad in [
        json!({"effect": "explode"}),
        json!({"effect": "stall", "often": 1}),
        json!({"effect": {"status": 200}}),
        json!(1),
    ] {
        let refused = send(&sim, "PUT", "/_sim/faults", &json!([{"effect": "stall"}, bad])).await;
        assert_eq!(refused.code, 422);
        assert!(refused.body["detail"].as_str().unwrap().starts_with("entry 1: "), "{refused:?}");
    }
}

#[tokio::test]
async fn requests_are_remembered_until_they_are_forgotten() {
    let sim = controlled().await;
    create_maps(&sim, &["a"]).await;
    let expected = json!({"method": "POST", "path": MAPS, "query": "", "user_agent": "curl/8.5.0", "status": 201, "ms": 0, "watch": false});
    let mut requests = get(&sim, "/_sim/requests").await.body;
    requests[0]["ms"] = 0.into();
    assert_eq!(requests, json!([expected]));
    crate::fixture::delete(&sim, "/_sim/requests").await;
    assert_eq!(get(&sim, "/_sim/requests").await.body, Value::Array(Vec::new()));
    let seen = sim
        .requests_seen()
        .into_iter()
        .map(|seen| (seen.user, seen.verb, seen.resource, seen.namespace))
        .collect::<Vec<_>>();
    let seen: Vec<_> =
        seen.iter().map(|(user, verb, resource, namespace)| format!("{user} {verb} {resource} {namespace}")).collect();
    assert_eq!(seen, ["kubernetes-admin create configmaps default"]);
}

#[tokio::test]
async fn the_cluster_counts_its_requests_and_its_objects() {
    let sim = cluster().await;
    let mut registry = Registry::with_prefix("");
    sim.register_metrics(&mut registry);
    create_maps(&sim, &["a", "b"]).await;
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "keelwatch_simcluster_requests_total{verb=\"create\",resource=\"configmaps\",code=\"201\"} 2",
        "keelwatch_simcluster_objects{resource=\"configmaps\"} 2",
        "keelwatch_simcluster_unknown_requests_total 0",
    ] {
        assert!(text.lines().any(|one| one.trim_start_matches('_') == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn nobody_listens_while_the_cluster_is_down() {
    let sim = SimCluster::builder().pace(Pace::Manual).start().await.unwrap();
    let address = sim.url().unwrap().trim_start_matches("http://").to_owned();
    let is_up = async || TcpStream::connect(&address).await.is_ok();
    assert!(is_up().await);
    sim.set_faults(vec![Fault::new(Effect::Down(Duration::from_secs(30)))]);
    while is_up().await {
        tokio::task::yield_now().await;
    }
    sim.step(Duration::from_secs(31));
    while !is_up().await {
        tokio::task::yield_now().await;
    }
}

async fn controlled_by(token: &str) -> SimCluster {
    let ada = User { name: "ada".to_owned(), groups: Vec::new() };
    start(SimCluster::builder().control().token(token, ada)).await
}

#[tokio::test]
async fn where_there_are_tokens_nobody_controls_without_one() {
    let sim = controlled_by("hush").await;
    assert_eq!(get(&sim, "/_sim/state").await.code, 401);
    let request = hyper::Request::builder().uri("/_sim/state").header("authorization", "Bearer hush");
    let request = request.body(http_body_util::Full::<bytes::Bytes>::default()).unwrap();
    assert_eq!(tower::ServiceExt::oneshot(sim.service(), request).await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_taken() {
    let sim = controlled().await;
    let refused = crate::fixture::call(&sim, "DELETE", "/_sim/faults", None, "").await;
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].as_bytes()), (405, b"GET, PUT".as_slice()));
    assert_eq!(get(&sim, "/_sim/nothing").await.code, 404);
}

#[tokio::test]
async fn answers_that_mean_nothing_are_refused() {
    let sim = controlled().await;
    for answers in [
        json!({"token_reviews": {"t": {"name": "ada"}}}),
        json!({"access_reviews": [{"resource": "pods", "path": "/metrics"}]}),
        json!([]),
    ] {
        assert_eq!(send(&sim, "PUT", "/_sim/answers", &answers).await.code, 422, "{answers}");
    }
    let answers = json!({"token_reviews": {"t": {"user": "ada"}, "gone": {"authenticated": false}}});
    assert_eq!(send(&sim, "PUT", "/_sim/answers", &answers).await.code, 200);
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "t"}});
    let reviewed = send(&sim, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", &review).await;
    assert_eq!(reviewed.body["status"]["user"]["username"], "ada");
}

#[tokio::test]
async fn documents_are_loaded_up_to_the_first_that_cannot_be() {
    let sim = cluster().await;
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n");
    assert_eq!(sim.load(&[map("a"), map("b")].join("---\n")).unwrap(), 2);
    let refused = sim.load(&format!("{}---\nkind: Nothing\n", map("c"))).unwrap_err();
    assert!(refused.to_string().starts_with("document 2: "), "{refused}");
    assert!(sim.get("configmaps", "default", "c").is_some());
}

#[tokio::test]
async fn a_cluster_is_served_over_tls_to_whoever_knows_its_authority() {
    let sim = SimCluster::builder().pace(Pace::Manual).tls().start().await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sim.authority().unwrap().as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let url = sim.url().unwrap();
    let stream = TcpStream::connect(url.trim_start_matches("https://")).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: cluster\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    // Whoever closes first may leave the other without a farewell.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(sim.kubeconfig().unwrap().contains("certificate-authority-data: "));
}

#[tokio::test]
async fn other_machines_are_served_only_over_tls_and_with_a_token() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    for builder in
        [SimCluster::builder(), SimCluster::builder().tls(), SimCluster::builder().token("t", User::default())]
    {
        let refused = builder.listen(everywhere).start().await.err().unwrap();
        assert!(matches!(refused, ListenError::NotLoopback(_)), "{refused}");
    }
}
