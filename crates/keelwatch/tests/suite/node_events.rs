//! Exec events: processes that are gone before the next pass.

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::node::{Node, OPEN, settings};
use crate::proc_tree::ordinary;
use crate::program::{Running, write};
use crate::real_host::{copy_of_sleep, folder};
use crate::real_programs::{command, run};
use crate::wait::until;

/// Processes that are gone soon.
const BRIEF: usize = 20;

/// What the check says of the connector once it has answered.
async fn connector(node: &Node) -> String {
    node.until("/readyz?verbose", async |answer| {
        let told = answer.text().await.unwrap();
        let line = told.lines().find(|line| line.contains("exec-events")).unwrap();
        (!line.contains("has not answered yet")).then(|| line.to_owned())
    })
    .await
}

#[tokio::test]
async fn a_process_that_is_gone_before_the_next_pass_is_served_and_counted() {
    let directory = TempDir::new().unwrap();
    let name = format!("kw-brief-{}", std::process::id());
    let rule = format!("version: 1\nrules: [{{id: brief, name: Brief, severity: low, match: {{process: {name}}}}}]\n");
    let rules = write(directory.path(), "rules.yaml", &rule);
    let node = Node::with(&format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n{OPEN}\n\
         processes: {{proc: /proc, every: 2s, cpu_share: 1.0, exec_events: connector, rules: ['{rules}']}}\n"
    ));
    let told = connector(&node).await;
    if !told.starts_with("[+]") {
        eprintln!("left out: no exec events here, run the tests as root in the initial namespaces; {told}");
        return;
    }
    node.until_ready_says("[+]first-pass ok").await;
    let folder = folder();
    let brief = copy_of_sleep(folder.path(), &name);
    for _ in 0..BRIEF {
        run(command(&brief).arg("0.2"));
    }
    // Two seconds apart, passes see few of them.
    let found = node
        .until("/api/violations?state=all", async |answer| {
            let all: Vec<Value> = answer.json().await.ok()?;
            (all.len() > BRIEF / 2).then_some(all)
        })
        .await;
    assert!(found.iter().all(|record| record["rule"] == "brief" && record["process"] == name.as_str()), "{found:?}");
    let events = node
        .until("/api/v1/coverage", async |answer| {
            let events = answer.json::<Value>().await.ok()?["exec_events"].clone();
            (events["seen"].as_u64() >= Some(BRIEF as u64)).then_some(events)
        })
        .await;
    assert_eq!(events["source"], "connector");
}

#[tokio::test]
async fn where_the_connector_cannot_be_opened_passes_go_on() {
    if run_in_own_network("true").0.wait().unwrap().code() != Some(0) {
        eprintln!("left out: no network namespace can be made; run the tests as root");
        return;
    }
    let (tree, directory) = (ordinary(), TempDir::new().unwrap());
    let bash = "version: 1\nrules: [{id: bash, name: Bash, severity: low, match: {process: bash}}]\n";
    write(tree.path(), "rules.yaml", bash);
    let file =
        write(directory.path(), "keelwatch.yaml", &settings(&tree, "", "every: 500ms, exec_events: connector", OPEN));
    let program = run_in_own_network(&format!("exec {} node --settings {file}", env!("CARGO_BIN_EXE_keelwatch")));
    let mut node = Node::of(program, directory);
    // Nobody outside its network can ask it, so its log has to tell.
    until("the connector to fail", || node.has_told("no exec events, passes only").then_some(()));
    until("a pass to go on", || node.has_told("violation of bash").then_some(()));
    node.program.signal(Signal::TERM);
    assert_eq!(node.program.0.wait().unwrap().code(), Some(0));
}

/// A shell in a network namespace of its own, where the kernel tells nobody of processes.
fn run_in_own_network(script: &str) -> Running {
    let mut unshare = command("unshare");
    let unshare = unshare.args(["--net", "sh", "-c", script]).stderr(std::process::Stdio::piped());
    Running(unshare.spawn().unwrap())
}
