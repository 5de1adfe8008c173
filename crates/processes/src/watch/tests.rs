//! Passes over trees of files.

use std::sync::Mutex;

use api::violation::{Flag, HashSkipped};
use api::{Severity, Time};
use jiff::Timestamp;

use super::*;
use crate::fixture::{ProcTree, Process};
use crate::matches::{Cleared, Match, Outcome, PassReport, Verdict};
use crate::rules::{Pack, RuleText};

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
struct Standing(Mutex<Duration>);

impl Standing {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_234_600).unwrap() + *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

const RULES: &str = "
version: 1
rules:
  - {id: miner, name: Miner, severity: critical, match: {process: xmrig}}
  - {id: tunnel, name: Tunnel, severity: high, match: {cmdline: --tunnel}}
  - {id: memfd, name: Memory, severity: high, min_age: 30s, match: {flags: [memfd]}}
";

fn rules(text: &str) -> Arc<RuleSet> {
    let text = RuleText { file: "rules.yaml".to_owned(), pack: Pack::Custom, yaml: text.to_owned() };
    Arc::new(RuleSet::compile(vec![text]).unwrap())
}

fn settings(tree: &ProcTree) -> Settings {
    Settings { proc: tree.path().to_str().unwrap().to_owned(), ..Settings::default() }
}

fn watch_with(tree: &ProcTree, clock: Arc<Standing>) -> Watch {
    Watch::open(settings(tree), rules(RULES), 0, clock).unwrap()
}

fn watch(tree: &ProcTree) -> Watch {
    watch_with(tree, Arc::default())
}

/// Pid and rule of every match.
fn found(matches: &[Arc<Match>]) -> Vec<(u32, &str)> {
    matches.iter().map(|found| (found.identity.pid, found.rule.as_str())).collect()
}

/// Pid and reason of every match that ended while its process goes on.
fn cleared(watch: &mut Watch) -> Vec<(u32, Cleared)> {
    watch.pass().cleared.into_iter().map(|(found, why)| (found.identity.pid, why)).collect()
}

#[test]
fn a_pass_names_the_miner_and_counts_everybody_but_kernel_threads() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let report = watch(&tree).pass();
    assert_eq!(found(&report.matches), [(41, "miner")]);
    assert_eq!((report.outcome, report.coverage.seen, report.coverage.new), (Outcome::Ok, 2, 2));
    assert!(report.coverage.host_view);
}

#[test]
fn a_match_says_what_is_known_of_its_process_and_no_secret() {
    let tree = ProcTree::new();
    tree.put(&Process { comm: "bash", ..Process::new(40) });
    tree.put(&Process { parent: 40, ..Process::miner(41) });
    let report = watch(&tree).pass();
    let evidence = &report.matches[0].evidence;
    assert_eq!(report.matches[0].cmdline, "./xmrig --pass=***");
    assert_eq!((evidence.exe.as_str(), evidence.uid, evidence.cpu_seconds), ("/opt/xmrig", Some(1000), 3.0));
    assert_eq!(evidence.started_at, Time::of("2026-11-21T04:01:40Z".parse().unwrap()));
    let parents: Vec<_> = evidence.parents.iter().map(|parent| (parent.pid, parent.name.as_str())).collect();
    assert_eq!(parents, [(40, "bash")]);
    assert_eq!(evidence.sha256_skipped, Some(HashSkipped::Unreadable));
}

#[test]
fn a_match_of_the_host_waits_for_no_exemption_of_pods() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    tree.put(&Process { cgroup: "0::/kubepods/pod8712f785-1a3e-41ec-a00b-e2dcc77431cb", ..Process::miner(42) });
    let rules = rules(&format!("{RULES}exemptions: [{{reason: r, namespaces: [ns-a]}}]\n"));
    let report = Watch::open(settings(&tree), rules, 0, Arc::<Standing>::default()).unwrap().pass();
    let waiting: Vec<_> = report.matches.iter().map(|found| (found.identity.pid, found.exempt_if.len())).collect();
    assert_eq!(waiting, [(41, 0), (42, 1)]);
}

#[test]
fn a_parent_chain_ends_at_a_cycle() {
    let tree = ProcTree::new();
    tree.put(&Process { parent: 41, ..Process::new(40) });
    tree.put(&Process { parent: 40, ..Process::miner(41) });
    assert_eq!(watch(&tree).pass().matches[0].evidence.parents.len(), 1);
}

#[test]
fn an_unchanged_process_keeps_its_match_and_is_judged_once() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let mut watch = watch(&tree);
    let (first, second) = (watch.pass(), watch.pass());
    assert!(Arc::ptr_eq(&first.matches[0], &second.matches[0]));
    assert_eq!((second.counters.analyzed, second.coverage.new), (2, 0));
    assert_eq!(second.counters.hits.get("miner"), Some(&1));
}

#[test]
fn an_exec_within_the_same_process_is_judged_again() {
    let tree = ProcTree::new();
    tree.put(&Process::new(41));
    let mut watch = watch(&tree);
    assert_eq!(found(&watch.pass().matches), []);
    tree.put(&Process::miner(41));
    assert_eq!(found(&watch.pass().matches), [(41, "miner")]);
    tree.put(&Process::new(41));
    assert_eq!(cleared(&mut watch), [(41, Cleared::Changed)]);
}

#[test]
fn a_pid_that_is_used_again_is_another_process() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let mut watch = watch(&tree);
    let first = watch.pass();
    tree.put(&Process { start_ticks: 20_000, ..Process::miner(41) });
    let second = watch.pass();
    assert_ne!(first.matches[0].identity, second.matches[0].identity);
    assert_eq!((second.coverage.new, second.cleared.len()), (1, 0));
}

#[test]
fn a_process_that_renames_itself_is_noticed_within_thirty_seconds() {
    let tree = ProcTree::new();
    tree.put(&Process::new(41));
    let clock = Arc::new(Standing::default());
    let mut watch = watch_with(&tree, clock.clone());
    watch.pass();
    tree.put(&Process { comm: "xmrig", ..Process::new(41) });
    clock.advance(Duration::from_secs(30));
    assert_eq!(found(&watch.pass().matches), [(41, "miner")]);
}

#[test]
fn a_rule_with_a_minimum_age_waits_until_the_process_is_that_old() {
    let tree = ProcTree::new();
    tree.put(&Process { exe: "/memfd:x (deleted)", start_ticks: 99_000, ..Process::new(41) });
    let clock = Arc::new(Standing::default());
    let mut watch = watch_with(&tree, clock.clone());
    let young = watch.pass();
    assert_eq!((found(&young.matches), young.too_young), (vec![], 1));
    clock.advance(Duration::from_secs(20));
    tree.write("uptime", "1020.00 900.00\n");
    let old = watch.pass();
    assert_eq!((found(&old.matches), old.too_young), (vec![(41, "memfd")], 0));
    assert_eq!(old.matches[0].flags, [Flag::Memfd]);
}

#[test]
fn new_rules_judge_everything_again_and_keep_evidence() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let mut watch = watch(&tree);
    let before = watch.pass();
    tree.write("41/status", "Uid:\t0\n");
    watch.apply(settings(&tree), rules(&RULES.replace("severity: critical", "severity: low")));
    let after = watch.pass();
    assert_eq!(after.matches[0].severity, Severity::Low);
    assert_eq!(after.matches[0].evidence, before.matches[0].evidence);
    assert_eq!(after.counters.hits.get("miner"), Some(&1));
    watch.apply(settings(&tree), rules(&RULES.replace("process: xmrig", "process: other")));
    assert_eq!(cleared(&mut watch), [(41, Cleared::RuleRemoved)]);
}

#[test]
fn an_exemption_without_a_scope_covers_a_match_at_once() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let mut watch = watch(&tree);
    watch.pass();
    let exempt = "exemptions:\n  - {reason: bench, rules: [miner], match: {exe: {exact: /opt/xmrig}}}\n";
    watch.apply(settings(&tree), rules(&format!("{RULES}{exempt}")));
    let report = watch.pass();
    assert_eq!(report.cleared.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [Cleared::Exempt]);
    assert!(matches!(&report.others[..], [Verdict::Exempt(found)] if found.rule == "miner"));
    assert_eq!(report.counters.exemption_hits, [1]);
}

#[test]
fn a_zombie_leader_is_read_through_its_other_thread_and_one_without_is_gone() {
    let tree = ProcTree::new();
    let leader = Process { args: &[], exe: "", comm: "sh", state: 'Z', threads: 2, ..Process::new(41) };
    tree.put(&leader);
    tree.put_thread(&Process::miner(41), 42);
    tree.put(&Process { state: 'Z', ..Process::miner(50) });
    assert_eq!(found(&watch(&tree).pass().matches), [(41, "miner")]);
}

#[test]
fn a_process_with_a_malformed_stat_is_counted_and_stops_nobody_else() {
    let tree = ProcTree::new();
    tree.write("40/stat", "40 no parenthesis");
    tree.write("40/cmdline", "xmrig\0");
    tree.put(&Process::miner(41));
    let report = watch(&tree).pass();
    assert_eq!(found(&report.matches), [(41, "miner")]);
    assert_eq!((report.outcome, report.coverage.unreadable, report.counters.unread.io), (Outcome::Partial, 1, 1));
}

#[test]
fn a_child_of_kthreadd_that_is_no_kernel_thread_is_judged() {
    let tree = ProcTree::new();
    tree.put(&Process { parent: 2, ..Process::miner(41) });
    tree.put(&Process { parent: 2, comm: "xmrig", args: &[], exe: "", flags: 0x0020_8040, ..Process::new(42) });
    assert_eq!(found(&watch(&tree).pass().matches), [(41, "miner")]);
}

#[test]
fn the_own_pid_of_the_tree_is_never_judged_and_without_it_nothing_is_exempt() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    std::os::unix::fs::symlink("41", tree.path().join("self")).unwrap();
    assert_eq!(found(&watch(&tree).pass().matches), []);
    std::fs::remove_file(tree.path().join("self")).unwrap();
    assert_eq!(found(&watch(&tree).pass().matches), [(41, "miner")]);
}

#[test]
fn a_long_command_line_is_judged_by_its_head_and_flagged() {
    let tree = ProcTree::new();
    tree.put(&Process::new(41));
    tree.write("41/cmdline", &format!("app\0--tunnel\0{}", "x".repeat(5000)));
    let settings = Settings { cmdline_bytes: 4096, ..settings(&tree) };
    let mut watch = Watch::open(settings, rules(RULES), 0, Arc::new(Standing::default())).unwrap();
    let report = watch.pass();
    assert_eq!((report.matches[0].cut, report.coverage.cut), (true, 1));
    assert!(report.matches[0].cmdline.len() <= 4096);
}

#[test]
fn a_tree_that_cannot_be_listed_changes_no_verdict() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let mut watch = watch(&tree);
    watch.pass();
    let elsewhere = tree.path().with_extension("elsewhere");
    std::fs::rename(tree.path(), &elsewhere).unwrap();
    std::fs::remove_dir_all(&elsewhere).unwrap();
    let report = watch.pass();
    assert_eq!((report.outcome, found(&report.matches)), (Outcome::Failed, vec![(41, "miner")]));
}

#[test]
fn everything_is_put_into_words_if_asked_for() {
    let tree = ProcTree::new();
    tree.put(&Process::miner(41));
    let report = watch(&tree).keep(Keep::Everything).pass();
    let clean: Vec<_> = report.others.iter().filter_map(Verdict::words).map(|words| words.comm.as_str()).collect();
    assert_eq!(clean, ["init"]);
}

/// Runs the watch on a thread of its own; the reports of its passes come back.
fn passes_of(watch: Watch) -> (std::thread::JoinHandle<()>, Receiver<Box<PassReport>>) {
    let (said, heard) = std::sync::mpsc::channel();
    let run = move || {
        watch.run(&mut |event| {
            if let Event::Pass(report) = event {
                said.send(report).unwrap();
            }
        });
    };
    (std::thread::spawn(run), heard)
}

#[test]
fn the_interval_is_counted_from_start_to_start() {
    let tree = ProcTree::new();
    assert_eq!(watch(&tree).pass().interval, Settings::default().every);
}

#[test]
fn a_running_watch_passes_at_once_when_asked_and_ends_when_told() {
    let tree = ProcTree::new();
    let watch = watch(&tree);
    let handle = watch.handle();
    let (thread, heard) = passes_of(watch);
    assert_eq!(found(&heard.recv().unwrap().matches), []);
    tree.put(&Process::miner(41));
    handle.pass_now();
    assert_eq!(found(&heard.recv().unwrap().matches), [(41, "miner")]);
    handle.stop();
    thread.join().unwrap();
}

#[test]
fn a_running_watch_judges_by_new_rules_at_once() {
    let tree = ProcTree::new();
    tree.put(&Process { args: &["app", "--new"], ..Process::new(41) });
    let watch = watch(&tree);
    let handle = watch.handle();
    let (thread, heard) = passes_of(watch);
    assert_eq!(found(&heard.recv().unwrap().matches), []);
    handle.reload(settings(&tree), rules(&RULES.replace("--tunnel", "--new")));
    assert_eq!(found(&heard.recv().unwrap().matches), [(41, "tunnel")]);
    handle.stop();
    thread.join().unwrap();
}
