//! The verbs that ask a controller: what they write about findings, violations, coverage, silences and responses.

use serde_json::{Value, json};
use simcluster::agents::Manner;

use crate::installation::{Installation, TOKEN};
use crate::node::Node;
use crate::program::{Run, keelwatch, keelwatch_with};

/// A controller that knows of two miners, each in a namespace of its own.
struct World {
    installation: Installation,
    controller: Node,
}

impl World {
    async fn new() -> Self {
        let mut installation = Installation::new(None).await;
        installation.begin(0);
        installation.begin(1);
        let controller = installation.controller();
        controller
            .until("/api/v1/findings", async |response| {
                let answer: Value = response.json().await.ok()?;
                (answer["count"] == 2 && answer["complete"] == true).then_some(())
            })
            .await;
        Self { installation, controller }
    }

    fn ask(&self, args: &[&str]) -> Run {
        let run = run(&[args, &["--server", &self.controller.api]].concat());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        run
    }

    fn lines(&self, args: &[&str]) -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        self.ask(args).stdout.lines().map(words).collect()
    }
}

#[test]
fn filters_are_refused_beside_the_name_of_what_is_asked_for() {
    let refused = [
        ("get pods --uid a --node n", "--node"),
        ("get pods --container 4f1c9a2b7d3e -n shop", "--namespace"),
        ("get pods web-0 -n shop --phase Running", "--phase"),
        ("get findings 00 --severity high", "--severity"),
    ];
    for (line, filter) in refused {
        let run = run(&line.split(' ').collect::<Vec<_>>());
        assert!(run.code == 2 && run.stderr.contains("cannot be used with") && run.stderr.contains(filter), "{run:?}");
    }
}

fn run(args: &[&str]) -> Run {
    keelwatch_with(args, &[("KEELWATCH_TOKEN", TOKEN)])
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_listed_filtered_and_shown_one_by_one() {
    let world = World::new().await;
    let listed = world.lines(&["get", "findings"]);
    assert_eq!(listed[0], ["SEVERITY", "RULE", "NAMESPACE", "APP", "SUBJECT", "NODE", "STATE", "AGE"]);
    let namespaces: Vec<&str> = listed[1..].iter().map(|row| row[2].as_str()).collect();
    assert_eq!(namespaces, ["ns-0", "ns-1"]);
    assert_eq!(listed[1][..7], ["critical", "miner-name", "ns-0", "app/cart", "process/xmrig", "agent-1", "open"]);
    let filtered = world.ask(&["get", "findings", "-n", "ns-1", "--rule", "miner-name", "-o", "json"]).json();
    assert_eq!((&filtered["count"], &filtered["items"][0]["subject"]["namespace"]), (&json!(1), &json!("ns-1")));

    let whole = world.ask(&["get", "findings", "-o", "json"]).json();
    let keys: Vec<&str> = whole.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["items", "count", "by_severity", "by_source", "as_of", "complete"]);
    assert_eq!((&whole["complete"], &whole["by_severity"]["critical"]), (&json!(true), &json!(2)));

    let fingerprint = filtered["items"][0]["fingerprint"].as_str().unwrap();
    let one = world.ask(&["get", "findings", fingerprint]).stdout;
    for told in [fingerprint, "ns-1/cart-0/web", "TIME", "opened"] {
        assert!(one.contains(told), "no `{told}` in {one}");
    }
    let refused = keelwatch(&["get", "findings", "nonsense", "--server", &world.controller.api]);
    refused.is_refused_with("`nonsense` is no fingerprint");
    let refused = keelwatch(&["get", "findings", "--severity", "awful", "--server", &world.controller.api]);
    refused.is_refused_with("awful");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_of_findings_says_if_not_everything_was_looked_at() {
    let mut world = World::new().await;
    world.installation.agents.set(7, Manner::Dead).await.unwrap();
    world
        .controller
        .until("/api/v1/coverage", async |response| {
            let answer: Value = response.json().await.ok()?;
            (answer["complete"] == false).then_some(())
        })
        .await;
    let listed = world.ask(&["get", "findings", "-n", "ns-nobody"]).stdout;
    assert!(listed.ends_with("AGE\n\nincomplete: see `keelwatch get coverage`\n"), "{listed}");
    let all = world.ask(&["get", "findings", "-o", "yaml"]).stdout;
    assert!(all.contains("complete: false"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn violations_and_coverage_say_what_was_looked_at() {
    let world = World::new().await;
    let listed = world.ask(&["get", "violations"]).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[1].starts_with("critical  miner-name  ns-0"), "{listed}");
    assert!(lines.last().unwrap().ends_with("nodes: 8, fresh 8, stale 0, failed 0"), "{listed}");
    let one = world.ask(&["get", "violations", "--node", "agent-2", "-o", "yaml"]).stdout;
    assert!(one.contains("namespace: ns-1") && !one.contains("namespace: ns-0"), "{one}");

    let coverage = world.lines(&["get", "coverage"]);
    let process = coverage.iter().find(|row| row.first().is_some_and(|source| source == "process")).unwrap();
    assert_eq!(process[1..4], ["8", "8", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_rehearsed_begun_listed_and_ended() {
    let world = World::new().await;
    let decided = ["--owner", "sre", "--reason", "ordered by the research team", "--until", "2h", "-n", "ns-0"];
    let add = |more: &[&'static str]| world.ask(&[&["silence", "add"], &decided[..], more].concat());
    assert_eq!(add(&["--dry-run"]).stdout, "would silence 1 findings\n");
    assert_eq!(world.lines(&["silence", "list"]).len(), 1);

    let made = add(&["-o", "json"]).json();
    let id = made["id"].as_str().unwrap();
    world
        .controller
        .until("/api/v1/findings?state=silenced", async |response| {
            let answer: Value = response.json().await.ok()?;
            (answer["count"] == 1).then_some(())
        })
        .await;
    let listed = world.lines(&["silence", "list"]);
    assert_eq!(listed[1][..2], [id, "sre"]);
    assert_eq!(world.ask(&["silence", "remove", id]).stdout, format!("silence {id} has ended\n"));
    assert_eq!(world.lines(&["silence", "list"]).len(), 1);
    assert_eq!(world.lines(&["silence", "list", "--state", "all"]).len(), 2);

    let args = [&["silence", "add", "--server", &world.controller.api], &decided[..6], &["--namespace", "*"]].concat();
    run(&args).is_refused_with("namespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_would_be_done_with_other_settings() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let text = "responses: {notification: {enabled: true}, protected_namespaces: [ns-1]}\n";
    let file = crate::program::write(folder.path(), "try.yaml", text);
    let plan = world.ask(&["responses", "preview", "-f", &file, "-o", "json"]).json();
    let objects: Vec<&str> =
        plan["plan"].as_array().unwrap().iter().filter_map(|step| step["object"].as_str()).collect();
    assert!(objects.len() == 1 && objects[0].starts_with("Notification/ns-0/keelwatch-"), "{plan}");
    let reasons: Vec<&Value> = plan["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|skip| skip["namespace"] == "ns-1")
        .map(|skip| &skip["reason"])
        .collect();
    assert!(reasons.contains(&&json!("protected-namespace")), "{plan}");
    let table = world.ask(&["responses", "preview", "-f", &file]).stdout;
    assert!(table.starts_with("RESPONSE"), "{table}");
}
