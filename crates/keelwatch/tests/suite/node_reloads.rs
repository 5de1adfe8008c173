//! What a running node makes of changed files: rules and settings, good, bad, and half written.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::node::{Node, OPEN, PATIENCE, settings};
use crate::proc_tree::{Proc, ordinary};
use crate::program::write;

/// Bash by two names.
const SETS: [&str; 2] = [
    "version: 1\nrules: [{id: first, name: First, severity: low, match: {process: bash}}]\n",
    "version: 1\nrules: [{id: second, name: Second, severity: low, match: {process: bash}}]\n",
];

const IDS: [&str; 2] = ["first", "second"];

const BAD: &str = "version: 1\nrules: [{id: third, name: Third, severity: low, mach: {process: bash}}]\n";

const REFUSED: &str = "keelwatch_processes_rules_reloads_total{result=\"refused\"} ";

/// Lets `name` hold `text` as the kubelet does: a new folder, a swapped link, and the old folder gone.
fn publish(folder: &Path, version: usize, name: &str, text: &str) {
    let (new, swap) = (format!("..{version}"), folder.join("..data_tmp"));
    std::fs::create_dir(folder.join(&new)).unwrap();
    write(&folder.join(&new), name, text);
    symlink(&new, &swap).unwrap();
    std::fs::rename(swap, folder.join("..data")).unwrap();
    if version == 0 {
        symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
    } else {
        std::fs::remove_dir_all(folder.join(format!("..{}", version - 1))).unwrap();
    }
}

/// Revision and rules of every answer until told to stop.
async fn answers(client: Client, url: String, stop: Arc<AtomicBool>) -> BTreeMap<(String, String), u32> {
    let mut seen = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let answer = client.get(&url).send().await.unwrap();
        let revision = answer.headers()["keelwatch-rules"].to_str().unwrap().to_owned();
        let open: Vec<Value> = answer.json().await.unwrap();
        let rules: Vec<&str> = open.iter().map(|record| record["rule"].as_str().unwrap()).collect();
        *seen.entry((revision, rules.join(","))).or_default() += 1;
    }
    seen
}

/// The revision that is served once this rule is the one that matches.
async fn revision_with(node: &Node, rule: &str) -> String {
    node.until("/api/violations", async |answer| {
        let revision = answer.headers().get("keelwatch-rules")?.to_str().unwrap().to_owned();
        let open: Vec<Value> = answer.json().await.ok()?;
        (open.len() == 1 && open[0]["rule"] == rule).then_some(revision)
    })
    .await
}

#[tokio::test]
async fn a_hundred_swaps_of_a_configmap_are_never_mixed_and_a_bad_one_changes_nothing() {
    let tree = ordinary();
    publish(tree.path(), 0, "rules.yaml", SETS[0]);
    let node = Node::with(&settings(&tree, "", "every: 500ms", OPEN));
    let mut expected = BTreeMap::from([(revision_with(&node, "first").await, "first".to_owned())]);
    let stop = Arc::<AtomicBool>::default();
    let reading = tokio::spawn(answers(node.client.clone(), format!("{}/api/violations", node.api), stop.clone()));
    for version in 1..=100 {
        publish(tree.path(), version, "rules.yaml", SETS[version % 2]);
        if version % 5 == 0 {
            let rule = IDS[version % 2];
            expected.insert(revision_with(&node, rule).await, rule.to_owned());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let seen: Vec<_> = reading.await.unwrap().into_keys().collect();
    assert_eq!((seen, expected.len()), (expected.into_iter().collect(), 2));
    publish(tree.path(), 101, "rules.yaml", BAD);
    is_refused_with_its_place(&node).await;
}

/// The last good set, whose rule is `first`, stays; the file is told with line and column wherever people look.
async fn is_refused_with_its_place(node: &Node) {
    const PLACE: &str = "rules.yaml:2:";
    let told = node.until_ready_says("[!]rules").await;
    assert!(told.contains(PLACE), "{told}");
    assert_eq!(node.get("/readyz").await.status(), StatusCode::OK);
    revision_with(node, "first").await;
    let rules: Value = node.get("/api/v1/rules").await.json().await.unwrap();
    assert!(rules["last_error"]["errors"][0].as_str().unwrap().contains(PLACE), "{rules}");
    assert!(node.metric(REFUSED).await >= Some(1.0) && node.has_told(PLACE));
}

#[tokio::test]
async fn half_of_a_rules_file_changes_nothing_and_the_whole_is_taken() {
    let tree = ordinary();
    write(tree.path(), "rules.yaml", SETS[0]);
    let node = Node::with(&settings(&tree, "", "every: 500ms", OPEN));
    let before = revision_with(&node, "first").await;
    write(tree.path(), "rules.yaml", &SETS[1][..SETS[1].len() / 2]);
    is_refused_with_its_place(&node).await;
    assert_eq!(revision_with(&node, "first").await, before);
    write(tree.path(), "rules.yaml", SETS[1]);
    assert_ne!(revision_with(&node, "second").await, before);
    node.until_ready_says("[+]rules ok").await;
    let rules: Value = node.get("/api/v1/rules").await.json().await.unwrap();
    assert_eq!(rules["last_error"], Value::Null);
}

#[tokio::test]
async fn another_error_within_the_minute_is_told_too() {
    let tree = ordinary();
    write(tree.path(), "rules.yaml", SETS[0]);
    let node = Node::with(&settings(&tree, "", "every: 500ms", OPEN));
    for (text, place) in [("version: 2\n", "rules.yaml:1:10"), (BAD, "rules.yaml:2:")] {
        write(tree.path(), "rules.yaml", text);
        node.until_ready_says(place).await;
        assert!(node.has_told(place), "{place}");
    }
}

#[tokio::test]
async fn interval_and_store_follow_the_settings() {
    let tree = (1_000..1_120).fold(ordinary(), |tree, pid| tree.with(Proc::new(pid, "bash").args(&["bash"])));
    write(tree.path(), "rules.yaml", SETS[0]);
    let text = |every: &str, most: u32| {
        let store = format!("violations: {{node: {{max_records: {most}}}}}\n{OPEN}");
        settings(&tree, "", &format!("every: {every}"), &store)
    };
    let node = Node::with(&text("500ms", 100));
    let list = async |count: usize, left_out: Option<&str>, least_s: f64| {
        node.until("/api/violations", async |answer| {
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let interval: f64 = header("keelwatch-interval")?.parse().unwrap();
            let truncated = header("keelwatch-truncated");
            let open: Vec<Value> = answer.json().await.ok()?;
            (open.len() == count && truncated.as_deref() == left_out && interval > least_s).then_some(())
        })
        .await;
    };
    // Bash of the ordinary tree is one more.
    list(100, Some("21"), 0.0).await;
    node.configure(&text("2s", 150));
    list(121, None, 1.0).await;
    node.configure(&text("2s", 100));
    list(100, Some("21"), 1.0).await;
}

#[tokio::test]
async fn tokens_and_anonymous_reads_follow_the_settings() {
    let tree = ordinary();
    write(tree.path(), "rules.yaml", SETS[0]);
    let folder = TempDir::new().unwrap();
    let file = write(folder.path(), "token", "one\n");
    let with_token = format!("auth: {{tokens: [{{name: ops, token_file: '{file}', scopes: [read]}}]}}");
    let text = |auth: &str| settings(&tree, "", "every: 500ms", auth);
    let node = Node::with(&text(OPEN));
    node.until_status("/api/v1/coverage", StatusCode::OK).await;
    node.configure(&text(&with_token));
    node.until_status("/api/v1/coverage", StatusCode::UNAUTHORIZED).await;
    let with = async |token: &str| {
        let request = node.client.get(format!("{}/api/v1/coverage", node.api)).bearer_auth(token);
        request.send().await.unwrap().status()
    };
    assert_eq!(with("one").await, StatusCode::OK);
    write(folder.path(), "token", "two\n");
    let rotated = async {
        // Slowly, or the node takes it for guessing.
        while with("two").await != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, rotated).await.unwrap();
    assert_eq!(with("one").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bad_settings_change_nothing_and_are_told_until_good_ones_come() {
    const OK: &str = "keelwatch_settings_last_reload_ok ";
    let tree = ordinary();
    write(tree.path(), "rules.yaml", SETS[0]);
    let text = |auth: &str| settings(&tree, "", "every: 500ms", auth);
    let node = Node::with(&text(OPEN));
    assert_eq!(node.metric(OK).await, Some(1.0));
    node.configure(&text("auth: {anonymous_reads: maybe}"));
    let told = node.until_ready_says("[!]settings").await;
    assert!(told.contains("keelwatch.yaml:4:25: auth.anonymous_reads"), "{told}");
    assert_eq!((node.metric(OK).await, node.has_told("keelwatch.yaml:4:25")), (Some(0.0), true));
    assert_eq!(node.get("/api/v1/coverage").await.status(), StatusCode::OK);
    node.configure(&text("auth: {anonymous_reads: false}"));
    node.until_status("/api/v1/coverage", StatusCode::UNAUTHORIZED).await;
    assert_eq!(node.metric(OK).await, Some(1.0));
}

/// A certificate of its own authority for `localhost`, written into the files of the listener.
fn certify(folder: &Path) -> Client {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(folder, "tls.crt", &made.cert.pem());
    write(folder, "tls.key", &made.signing_key.serialize_pem());
    let trusted = Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Each request shakes hands anew, with the certificate of that moment.
    let client = Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(0);
    client.tls_certs_only([trusted]).build().unwrap()
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let (tree, folder) = (ordinary(), TempDir::new().unwrap());
    write(tree.path(), "rules.yaml", SETS[0]);
    let first = certify(folder.path());
    let path = folder.path().display();
    let tls = format!("tls: {{cert_file: '{path}/tls.crt', key_file: '{path}/tls.key'}}");
    let node = Node::with(&settings(&tree, &tls, "every: 500ms", OPEN));
    let url = node.api.replace("http://127.0.0.1", "https://localhost") + "/health";
    assert_eq!(first.get(&url).send().await.unwrap().status(), StatusCode::OK);
    let second = certify(folder.path());
    let renewed = async {
        while second.get(&url).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.unwrap();
    assert!(first.get(&url).send().await.is_err());
}
