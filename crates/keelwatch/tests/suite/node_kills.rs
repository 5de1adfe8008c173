//! A node that is killed at any moment starts again and serves what the tree holds.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::node::{Node, OPEN, settings};
use crate::proc_tree::{Proc, ProcTree};
use crate::program::write;
use crate::soak::duration;

/// Reading so many takes long enough to be killed meanwhile.
const ORDINARY: u32 = 1_000;

const RULES: [&str; 2] = [
    "version: 1\nrules: [{id: odd, name: Odd, severity: low, match: {process: miner}}]\n",
    "version: 1\nrules: [{id: even, name: Even, severity: low, match: {process: miner}}]\n",
];

fn tree() -> ProcTree {
    let args = ["worker", "--queue", "mail"];
    (10_000..10_000 + ORDINARY).fold(ProcTree::new(), |tree, pid| tree.with(Proc::new(pid, "worker").args(&args)))
}

fn miner(pid: u32) -> Proc {
    Proc::new(pid, "miner").args(&["miner"])
}

fn start(tree: &ProcTree) -> Node {
    Node::with(&settings(tree, "", "every: 500ms", OPEN))
}

/// Kills a node at another moment in each round: in even ones while it looks at the tree, in odd ones while it takes
/// other rules. The next one serves the truth.
async fn survives(rounds: impl Iterator<Item = u32>) -> u32 {
    let tree = tree();
    write(tree.path(), "rules.yaml", RULES[0]);
    let mut node = start(&tree);
    let mut killed = 0;
    for round in rounds {
        let pid = 412 + round;
        tree.add(miner(pid));
        let moment = Duration::from_millis(u64::from(round * 37 % 400));
        if round % 2 == 1 {
            node.until_ready_says("[+]first-pass ok").await;
            // Put in place at once, since this is about the node and not about whoever writes.
            write(tree.path(), "rules.next", RULES[(round as usize / 2 + 1) % 2]);
            std::fs::rename(tree.path().join("rules.next"), tree.path().join("rules.yaml")).unwrap();
        }
        tokio::time::sleep(moment).await;
        node.program.signal(Signal::KILL);
        node.program.0.wait().unwrap();
        killed += 1;
        node = start(&tree);
        let rule =
            if std::fs::read_to_string(tree.path().join("rules.yaml")).unwrap() == RULES[0] { "odd" } else { "even" };
        let open = node.until_open(1).await;
        assert_eq!((&open[0]["pid"], &open[0]["rule"]), (&Value::from(pid), &Value::from(rule)), "round {round}");
        tree.remove(pid);
    }
    killed
}

#[tokio::test]
async fn a_node_killed_in_a_pass_or_in_a_reload_serves_the_truth_again() {
    assert_eq!(survives(0..10).await, 10);
}

#[tokio::test]
#[ignore = "a long run: cargo xtask soak kills"]
async fn soak_kills() {
    let end = Instant::now() + duration();
    let killed = survives((0..200).take_while(|_| Instant::now() < end)).await;
    println!("{killed} kills");
    assert!(killed > 0);
}
