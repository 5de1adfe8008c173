//! A node under test.

use std::collections::BTreeSet;
use std::fs;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::super::cgroup::Quality;
use super::*;

const BOOTED: Timestamp = Timestamp::constant(1_795_233_600, 0);

fn at(seconds: i64) -> Timestamp {
    BOOTED.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn node() -> Node {
    let profile = Profile {
        name: "worker-1".to_owned(),
        boot_id: "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11".to_owned(),
        booted: BOOTED,
        driver: Driver::Cgroupfs,
        runtime: Runtime::Containerd,
    };
    Node::boot(profile, at(60)).unwrap()
}

fn pod() -> Pod {
    let program = Program::new(&["/app/web"], 1000);
    let container = Container { id: "4f1c".repeat(16), runtime: Runtime::Containerd, program, started: None };
    Pod { uid: "u".to_owned(), quality: Quality::Burstable, containers: vec![container], besides: None }
}

fn miner() -> Program {
    Program::new(&["/tmp/xmrig", "-o", "stratum+tcp://pool.example:3333"], 1000)
}

fn read(node: &Node, path: &str) -> String {
    fs::read_to_string(node.proc().join(path)).unwrap()
}

/// Field of a stat, counted as in proc_pid_stat(5).
fn stat(node: &Node, pid: u32, field: usize) -> String {
    let text = read(node, &format!("{pid}/stat"));
    text[text.rfind(')').unwrap()..].split_whitespace().nth(field - 2).unwrap().to_owned()
}

fn listed(node: &Node) -> BTreeSet<u32> {
    let entries = fs::read_dir(node.proc()).unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn a_node_looks_like_a_host_from_the_beginning() {
    let node = node();
    assert_eq!(read(&node, "2/comm"), "kthreadd\n");
    assert_eq!(read(&node, "1/comm"), "systemd\n");
    assert_eq!(read(&node, "sys/kernel/random/boot_id"), "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11\n");
    assert!(read(&node, "stat").contains("\nbtime 1795233600\nprocesses 10\n"));
    assert_eq!(read(&node, "uptime"), "60.00 60.00\n");
    let own = fs::read_link(node.proc().join("self")).unwrap();
    assert_eq!(read(&node, &format!("{}/comm", own.display())), "keelwatch\n");
}

#[test]
fn a_miner_runs_below_the_first_process_of_its_container() {
    let (mut node, pod) = (node(), pod());
    node.run(&pod, at(70)).unwrap();
    let id = &pod.containers[0].id;
    let pid = node.start(id, miner(), at(80)).unwrap();
    assert_eq!(read(&node, &format!("{pid}/cmdline")), "/tmp/xmrig\0-o\0stratum+tcp://pool.example:3333\0");
    assert_eq!(read(&node, &format!("{pid}/cgroup")), format!("0::/kubepods/burstable/podu/{id}\n"));
    assert_eq!(fs::read_link(node.proc().join(format!("{pid}/exe"))).unwrap(), Path::new("/tmp/xmrig"));
    assert_eq!(stat(&node, pid, 4), node.first_process(id).unwrap().to_string());
    assert_eq!(stat(&node, pid, 22), "8000");
}

#[test]
fn an_exec_keeps_pid_and_start_time() {
    let mut node = node();
    let pid = node.start_on_host("cron", Program::new(&["/bin/sh"], 0), at(70)).unwrap();
    node.exec(pid, miner()).unwrap();
    assert_eq!((read(&node, &format!("{pid}/comm")).as_str(), stat(&node, pid, 22).as_str()), ("xmrig\n", "7000"));
    assert_eq!(fs::read_link(node.proc().join(format!("{pid}/exe"))).unwrap(), Path::new("/tmp/xmrig"));
}

#[test]
fn children_of_a_process_that_ends_go_on_below_init() {
    let (mut node, pod) = (node(), pod());
    node.run(&pod, at(70)).unwrap();
    let id = &pod.containers[0].id;
    let miner = node.start(id, miner(), at(80)).unwrap();
    let first = node.first_process(id).unwrap();
    node.exit(first).unwrap();
    assert_eq!(stat(&node, miner, 4), "1");
    assert!(!node.proc().join(first.to_string()).exists());
}

#[test]
fn a_pod_that_stops_leaves_nothing_behind() {
    let (mut node, pod) = (node(), pod());
    let before = listed(&node);
    node.run(&pod, at(70)).unwrap();
    node.run(&pod, at(71)).unwrap();
    assert_eq!(listed(&node).len(), before.len() + 2);
    node.start(&pod.containers[0].id, miner(), at(80)).unwrap();
    node.stop(&pod).unwrap();
    assert_eq!(listed(&node), before);
}

#[test]
fn a_node_keeps_the_pods_it_is_told_and_no_others() {
    let (mut node, pod) = (node(), pod());
    let mut other = pod.clone();
    other.containers[0].id = "aa".repeat(32);
    node.keep(std::slice::from_ref(&pod), at(70)).unwrap();
    let before = node.first_process(&pod.containers[0].id);
    node.keep(&[pod.clone(), other.clone()], at(71)).unwrap();
    assert_eq!((node.first_process(&pod.containers[0].id), node.has(&other.containers[0].id)), (before, true));
    node.keep(std::slice::from_ref(&other), at(72)).unwrap();
    assert_eq!((node.has(&pod.containers[0].id), node.has(&other.containers[0].id)), (false, true));
}

#[test]
fn a_container_that_ended_is_not_started_again() {
    let (mut node, pod) = (node(), pod());
    node.keep(std::slice::from_ref(&pod), at(70)).unwrap();
    let id = &pod.containers[0].id;
    node.exit(node.first_process(id).unwrap()).unwrap();
    node.keep(std::slice::from_ref(&pod), at(71)).unwrap();
    assert_eq!(node.first_process(id), None);
    assert!(matches!(node.start(id, miner(), at(80)), Err(NodeError::NoContainer(..))));
}

#[test]
fn a_container_is_as_old_as_its_pod_says() {
    let (mut node, mut pod) = (node(), pod());
    pod.containers[0].started = Some(at(65));
    node.run(&pod, at(900)).unwrap();
    assert_eq!(stat(&node, node.first_process(&pod.containers[0].id).unwrap(), 22), "6500");
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let mut node = node();
    assert!(matches!(node.exit(99_999), Err(NodeError::NoProcess(_, 99_999))));
    assert!(matches!(node.exec(99_999, miner()), Err(NodeError::NoProcess(_, 99_999))));
    assert!(matches!(node.start("4f1c", miner(), at(80)), Err(NodeError::NoContainer(..))));
}

#[test]
fn time_is_what_was_told_last() {
    let node = node();
    node.tick(at(3_725)).unwrap();
    assert_eq!(read(&node, "uptime"), "3725.00 3725.00\n");
}

#[test]
fn the_folder_goes_with_its_node() {
    let path = node().proc().to_owned();
    assert!(!path.exists());
}

#[derive(Debug, Clone)]
enum Deed {
    Start,
    Exec(usize),
    Exit(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![Just(Deed::Start), (0_usize..50).prop_map(Deed::Exec), (0_usize..50).prop_map(Deed::Exit)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_folder_lists_what_runs_and_every_parent_is_there(deeds in proptest::collection::vec(deed(), 0..40)) {
        let mut node = node();
        for deed in deeds {
            // Pids 1 and 2 stay, as on a real host.
            let started: Vec<u32> = node.pids().filter(|pid| *pid > FIRST_PID).collect();
            match deed {
                Deed::Start => { node.start_on_host("job", miner(), at(90)).unwrap(); }
                Deed::Exec(index) => if let Some(pid) = started.get(index) { node.exec(*pid, miner()).unwrap() },
                Deed::Exit(index) => if let Some(pid) = started.get(index) { node.exit(*pid).unwrap() },
            }
        }
        let pids: BTreeSet<u32> = node.pids().collect();
        prop_assert_eq!(&listed(&node), &pids);
        for pid in &pids {
            let parent: u32 = stat(&node, *pid, 4).parse().unwrap();
            prop_assert!(parent == 0 || pids.contains(&parent));
        }
    }
}
