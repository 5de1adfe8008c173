//! `keelwatch demo --api-only`: a simulated API server that any client can talk to.

use std::io::{BufRead, BufReader};
use std::path::Path;

use reqwest::Client;
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Running, keelwatch, start, write};

/// Starts a small demo; its lines up to the first command to try, with the address and the kubeconfig in them.
fn demo(args: &[&str]) -> (Running, String, String) {
    let fixed = ["demo", "--api-only", "--listen", "127.0.0.1:0", "--nodes", "3", "--pods", "40"];
    let mut program = start(&[&fixed, args].concat());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let url = word_after(&lines.next().unwrap(), "on ").trim_end_matches(':').to_owned();
    let kubeconfig = word_after(&lines.next().unwrap(), "--kubeconfig ");
    (program, url, kubeconfig)
}

fn word_after(line: &str, before: &str) -> String {
    let rest = line.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {line}")).1;
    rest.split_whitespace().next().unwrap().to_owned()
}

fn client() -> Client {
    // A second installation finds the first, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn a_demo_lists_as_many_pods_as_were_asked_for() {
    let (_program, url, _) = demo(&[]);
    let list: Value = client().get(format!("{url}/api/v1/pods?limit=1")).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&list["items"].as_array().unwrap().len(), &list["metadata"]["remainingItemCount"]),
        (&1, &Value::from(39))
    );
}

#[tokio::test]
async fn a_demo_serves_the_metrics_of_its_api_server() {
    let mut program = start(&["demo", "--api-only", "--listen", "127.0.0.1:0", "--nodes", "3", "--pods", "40"]);
    let told = told(&mut program);
    let metrics = word_after(line_with(&told, "metrics"), "metrics are on ");
    let text = client().get(metrics.trim_end_matches(';')).send().await.unwrap().text().await.unwrap();
    assert!(text.lines().any(|line| line == "keelwatch_simcluster_objects{resource=\"pods\"} 40"), "{text}");
}

#[tokio::test]
async fn a_demo_with_a_token_answers_nobody_else() {
    let (_program, url, kubeconfig) = demo(&["--token", "t0ken"]);
    let nodes = format!("{url}/api/v1/nodes");
    assert_eq!(client().get(&nodes).send().await.unwrap().status(), 401);
    assert_eq!(client().get(&nodes).bearer_auth("t0ken").send().await.unwrap().status(), 200);
    assert!(std::fs::read_to_string(kubeconfig).unwrap().contains("t0ken"));
}

#[test]
fn a_demo_ends_on_a_signal_and_leaves_no_file_behind() {
    let (mut program, _, kubeconfig) = demo(&[]);
    assert!(Path::new(&kubeconfig).exists());
    program.signal(Signal::TERM);
    assert!(program.0.wait().unwrap().success());
    assert!(!Path::new(&kubeconfig).parent().unwrap().exists());
}

#[test]
fn a_demo_listens_on_loopback_only() {
    let run = keelwatch(&["demo", "--api-only", "--listen", "0.0.0.0:0", "--pods", "1"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("0.0.0.0:0 is no loopback address"), "{run:?}");
    let whole = keelwatch(&["demo", "--listen", "0.0.0.0:0"]);
    let words = "--listen: 0.0.0.0:0 is no loopback address (accepted: one such as 127.0.0.1:18080";
    assert!(whole.code == 1 && whole.stderr.contains(words), "{whole:?}");
}

#[test]
fn the_token_of_a_demo_is_not_empty() {
    let run = keelwatch(&["demo", "--token", ""]);
    assert!(run.code == 2 && run.stderr.contains("--token"), "{run:?}");
}

#[tokio::test]
async fn a_demo_simulates_what_its_settings_say_unless_the_command_line_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let text = "demo: {cluster: {nodes: 2, pods: 30, control: true, deny: [{verb: list, resource: secrets}]}}";
    let settings = write(folder.path(), "keelwatch.yaml", text);
    let mut program =
        start(&["--settings", &settings, "demo", "--api-only", "--listen", "127.0.0.1:0", "--pods", "20"]);
    let line = BufReader::new(program.0.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(line.ends_with(": 2 nodes, 20 pods, seed 7"), "{line}");
    let url = word_after(&line, "on ").trim_end_matches(':').to_owned();
    let state: Value = client().get(format!("{url}/_sim/state")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&state["objects"]["nodes"], &state["objects"]["pods"]), (&Value::from(2), &Value::from(20)));
    assert_eq!(client().get(format!("{url}/api/v1/secrets")).send().await.unwrap().status(), 403);
}

#[test]
fn settings_of_a_demo_that_cannot_be_are_refused_by_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let text = "demo: {cluster: {crds: [gadgets], faults: [{effect: {status: 200}}], clock_skew: 30h, nodes: 6000}}";
    let settings = write(folder.path(), "keelwatch.yaml", text);
    let run = keelwatch(&["--settings", &settings, "demo", "--api-only"]);
    for key in ["demo.cluster.nodes", "demo.cluster.faults[0].effect.status"] {
        run.is_refused_with(key);
    }
}

/// The whole demo, on ports of its own; what it says at the start, as words.
fn whole_demo() -> (Running, Vec<String>) {
    let mut program = start(&["demo", "--listen", "127.0.0.1:0", "--token", "t0ken"]);
    let told = told(&mut program);
    (program, told)
}

/// What a demo says when it has started.
fn told(program: &mut Running) -> Vec<String> {
    let lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        told.push(line);
        if told.last().is_some_and(|line| line.contains("end with Ctrl-C")) {
            break;
        }
    }
    told
}

fn line_with<'a>(told: &'a [String], text: &str) -> &'a str {
    told.iter().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no `{text}` in {told:#?}"))
}

async fn ask(url: &str) -> Value {
    client().get(url).bearer_auth("t0ken").send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_finds_the_miner_of_a_simulated_pod_and_the_one_on_this_machine() {
    let (_program, told) = whole_demo();
    let simulated = word_after(line_with(&told, "(simulated)"), "node         ");
    let real = word_after(line_with(&told, "(real, this machine)"), "node         ");
    let host = word_after(line_with(&told, "a miner starts in pod"), "in pod ");
    let (namespace, pod) = host.split_once('/').unwrap();
    let kubeconfig = word_after(line_with(&told, "kubeconfig"), "kubeconfig ");
    assert!(Path::new(&kubeconfig).exists());

    let miner = DemoMiner::start();
    let mine = found(&real, "miner-name", |violation| violation["pid"] == miner.0.id()).await;
    assert_eq!((&mine["process"], &mine["severity"]), (&"xmrig".into(), &"critical".into()));

    // Which of the three nodes the pod is on is the scheduler's matter.
    let nodes: Vec<String> =
        told.iter().filter(|line| line.contains("(simulated)")).map(|line| word_after(line, "node         ")).collect();
    assert!(nodes.contains(&simulated));
    let in_pod = async {
        loop {
            for node in &nodes {
                let open = ask(&format!("{node}/api/violations")).await;
                let of_pod = open.as_array().into_iter().flatten().find(|violation| violation["pod"] == pod);
                if let Some(violation) = of_pod {
                    return violation.clone();
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let violation = tokio::time::timeout(crate::node::PATIENCE * 2, in_pod).await.expect("the miner is found");
    let got = [&violation["namespace"], &violation["rule"], &violation["attribution"]];
    assert_eq!(got, [&Value::from(namespace), &"miner-name".into(), &"resolved".into()]);
}

/// A violation of this rule that this node knows, as soon as it does.
async fn found(node: &str, rule: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let open = ask(&format!("{node}/api/violations")).await;
            let mut of_rule = open.as_array().into_iter().flatten().filter(|violation| violation["rule"] == rule);
            if let Some(violation) = of_rule.find(|violation| is_meant(violation)) {
                return violation.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(crate::node::PATIENCE, asking).await.expect("it is found")
}

/// A process with the name of a miner; it only sleeps.
struct DemoMiner(std::process::Child);

impl DemoMiner {
    #[expect(clippy::disallowed_methods, reason = "what is looked for is a process")]
    fn start() -> Self {
        use std::os::unix::process::CommandExt;
        Self(std::process::Command::new("/bin/sleep").arg0("xmrig").arg("300").spawn().unwrap())
    }
}

impl Drop for DemoMiner {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_whole_demo_leaves_nothing_behind() {
    let (mut program, told) = whole_demo();
    let kubeconfig = word_after(line_with(&told, "kubeconfig"), "kubeconfig ");
    program.signal(Signal::TERM);
    assert!(program.0.wait().unwrap().success());
    assert!(!Path::new(&kubeconfig).parent().unwrap().exists());
}

#[test]
fn the_settings_of_a_demo_are_settings() {
    let run = keelwatch(&["demo", "--print-settings", "--token", "t0ken"]);
    let folder = tempfile::TempDir::new().unwrap();
    for (number, text) in run.stdout.split("---\n").enumerate() {
        let file = crate::program::write(folder.path(), &format!("{number}.yaml"), text);
        let checked = keelwatch(&["config", "check", &file]);
        assert_eq!(checked.code, 0, "{text}{checked:?}");
    }
    assert_eq!(run.stdout.split("---\n").count(), 5);
}
