//! Agents as a collector sees them.

use http_body_util::{BodyExt, Empty};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::*;

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<String, String>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

async fn ask(address: SocketAddr, target: &str, header: (&str, &str)) -> io::Result<Got> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().uri(target).header("host", "agent").header(header.0, header.1);
    let answer = sender.send_request(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.into_body().collect().await.map_err(|error| error.to_string());
    let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
    Ok(Got { status, headers, body })
}

async fn get(agents: &Agents, nth: usize) -> Got {
    ask(agents.address(nth), "/api/violations?state=all", ("accept", "*/*")).await.unwrap()
}

async fn started(count: u32) -> Agents {
    Agents::start(count, &Profile::default()).await.unwrap()
}

fn list(got: &Got) -> Vec<Value> {
    serde_json::from_str(got.body.as_ref().unwrap()).unwrap()
}

#[tokio::test]
async fn every_agent_speaks_for_its_own_node_on_an_address_of_its_own() {
    let agents = started(300).await;
    for nth in [0, 253, 254, 299] {
        let got = get(&agents, nth).await;
        assert_eq!((got.status, list(&got)), (StatusCode::OK, agents.records(nth)));
        assert_eq!(got.headers["keelwatch-node"], agents.node(nth));
    }
    let addresses: std::collections::BTreeSet<SocketAddr> = (0..300).map(|nth| agents.address(nth)).collect();
    assert_eq!((addresses.len(), agents.address(254).ip().to_string().as_str()), (300, "127.64.1.1"));
}

#[tokio::test]
async fn nothing_new_is_answered_304_with_the_headers_until_something_is() {
    let agents = started(1).await;
    let etag = get(&agents, 0).await.headers["etag"].to_str().unwrap().to_owned();
    agents.pass(0, Timestamp::constant(1_795_233_660, 0));
    let target = "/api/violations?state=all";
    let same = ask(agents.address(0), target, ("if-none-match", &etag)).await.unwrap();
    assert_eq!((same.status, same.body.as_ref().map(String::as_str)), (StatusCode::NOT_MODIFIED, Ok("")));
    assert_eq!((same.header("keelwatch-passes"), same.header("keelwatch-last-pass")), ("3", "2026-11-21T04:01:00Z"));
    agents.set_records(0, Vec::new());
    let none = ask(agents.address(0), target, ("if-none-match", &etag)).await.unwrap();
    assert_eq!((none.status, none.body.as_ref().map(String::as_str)), (StatusCode::OK, Ok("[]")));
    assert_eq!(none.headers["etag"], "W/\"4f53cda18c2baa0c0354bb5f9a3ecbe5\"");
    assert_eq!(agents.asked(0), (3, 1));
}

#[tokio::test]
async fn an_agent_that_is_dead_refuses_until_it_lives_again() {
    let mut agents = started(2).await;
    agents.set(0, Manner::Dead).await.unwrap();
    let refused = ask(agents.address(0), "/health", ("accept", "*/*")).await.err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(get(&agents, 1).await.status, StatusCode::OK);
    agents.set(0, Manner::Answers).await.unwrap();
    assert_eq!(get(&agents, 0).await.status, StatusCode::OK);
}

#[tokio::test]
async fn garbage_is_answered_with_200() {
    let mut agents = started(1).await;
    for garbage in [Garbage::Html, Garbage::Object, Garbage::Null, Garbage::Truncated, Garbage::Binary] {
        agents.set(0, Manner::Garbage(garbage)).await.unwrap();
        let got = get(&agents, 0).await;
        assert_eq!(got.status, StatusCode::OK);
        assert!(serde_json::from_str::<Vec<Value>>(&got.body.unwrap()).is_err(), "{garbage:?}");
    }
    agents.set(0, Manner::Status(500)).await.unwrap();
    assert_eq!(get(&agents, 0).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_huge_answer_is_a_list_all_the_same() {
    let mut agents = started(1).await;
    agents.set(0, Manner::Huge(1 << 20)).await.unwrap();
    let got = get(&agents, 0).await;
    let length = got.body.as_ref().unwrap().len();
    assert!(length >= 1 << 20 && !list(&got).is_empty(), "{length}");
}

#[tokio::test]
async fn slow_agents_answer_in_the_end_and_silent_ones_never() {
    let mut agents = started(2).await;
    agents.set(0, Manner::Drips(std::time::Duration::from_millis(1))).await.unwrap();
    agents.set_records(0, vec![json!({"status": "active"})]);
    assert_eq!(list(&get(&agents, 0).await), agents.records(0));
    agents.set(0, Manner::Slow(std::time::Duration::from_millis(1))).await.unwrap();
    assert_eq!(get(&agents, 0).await.status, StatusCode::OK);
    agents.set(1, Manner::Silent).await.unwrap();
    let silent = tokio::time::timeout(std::time::Duration::from_millis(50), get(&agents, 1)).await;
    assert!(silent.is_err());
}

#[tokio::test]
async fn an_agent_with_a_token_answers_nobody_else() {
    let profile = Profile { token: Some("hush".to_owned()), ..Profile::default() };
    let agents = Agents::start(1, &profile).await.unwrap();
    assert!(!format!("{agents:?} {profile:?}").contains("hush"));
    let refused = get(&agents, 0).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    let target = "/api/violations";
    let taken = ask(agents.address(0), target, ("authorization", "Bearer hush")).await.unwrap();
    assert_eq!(taken.status, StatusCode::OK);
}

#[tokio::test]
async fn an_agent_that_started_anew_has_not_scanned_yet() {
    let agents = started(1).await;
    agents.restart(0);
    let got = get(&agents, 0).await;
    assert_eq!((got.status, got.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    agents.pass(0, Timestamp::constant(1_795_233_660, 0));
    assert_eq!(get(&agents, 0).await.headers["keelwatch-passes"], "1");
}

#[tokio::test]
async fn queries_and_methods_that_mean_nothing_are_refused() {
    let agents = started(1).await;
    for target in ["/api/violations?state=odd", "/api/violations?limit=1"] {
        let refused = ask(agents.address(0), target, ("accept", "*/*")).await.unwrap();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{target}");
    }
    let former = Agents::start(1, &Profile { era: Era::Former, ..Profile::default() }).await.unwrap();
    let got = get(&former, 0).await;
    assert!(got.headers.get("etag").is_none() && got.headers.get("keelwatch-passes").is_none());
    assert_eq!(list(&got)[0].as_object().unwrap().len(), 9);
}

#[tokio::test]
async fn a_cluster_is_told_of_agents_by_slices_of_a_hundred() {
    let agents = started(250).await;
    let sim = crate::fixture::cluster().await;
    for slice in agents.slices("default", "keelwatch-node") {
        sim.put(slice).unwrap();
    }
    let selector = "kubernetes.io/service-name=keelwatch-node";
    let slices = sim.list("endpointslices.discovery.k8s.io", selector, "").unwrap();
    let sizes: Vec<usize> = slices.iter().map(|slice| slice["endpoints"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let last = &slices[2]["endpoints"][49];
    assert_eq!(
        (&last["addresses"][0], &last["nodeName"]),
        (&json!(agents.address(249).ip().to_string()), &json!("agent-250"))
    );
    assert_eq!(slices[0]["ports"][0]["port"], agents.port());
}
