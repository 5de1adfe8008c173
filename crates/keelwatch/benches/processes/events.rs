//! Processes that live for an instant, with exec events and without.

use std::collections::HashSet;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use processes::rules::{RuleSet, Source};
use processes::settings::ExecEvents;
use processes::{ConnectorState, Event, Settings, Watch, raise_open_files};
use runtime::clock::SystemClock;

use crate::passes::RESERVED;
use crate::{remark, result};

const SHORT: u32 = 3_000;
const PER_SECOND: f64 = 300.0;
const SHORT_LIFE: &str = "0.005";

/// Lives of twice the shortest interval.
const LONG: u32 = 60;

enum Heard {
    Seen(u32),
    Pass,
    Connector(ConnectorState),
}

pub(crate) fn run() {
    with_events();
    without_events();
}

fn with_events() {
    let settings = Settings { exec_events: ExecEvents::Connector, ..Settings::default() };
    let (watching, heard) = watch(settings);
    let state = heard.iter().find_map(|heard| match heard {
        Heard::Connector(state) => Some(state),
        Heard::Seen(_) | Heard::Pass => None,
    });
    if let Some(ConnectorState::Failing(why)) = state {
        remark(format_args!("exec events are not measured: {why}"));
        return;
    }
    let started = Instant::now();
    let mut children = Vec::new();
    for number in 0..SHORT {
        let due = Duration::from_secs_f64(f64::from(number) / PER_SECOND);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        children.push(sleep(&watching.program, SHORT_LIFE));
    }
    let share = watching.share_seen(children, &heard);
    result("exec-events-seen-of-3000", share, "%", ">=99");
}

fn without_events() {
    let settings = Settings { every: Duration::from_millis(500), ..Settings::default() };
    let (watching, heard) = watch(settings);
    // As long as two effective intervals: the pass of a machine this busy costs a few milliseconds.
    let children = (0..LONG).map(|_| sleep(&watching.program, "1.0")).collect();
    let share = watching.share_seen(children, &heard);
    result("passes-seen-of-two-intervals", share, "%", ">=100");
}

/// A running watch for one program.
struct Watching {
    program: std::path::PathBuf,
    handle: processes::Handle,
    thread: std::thread::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// Watches for copies of sleep under a name of our own.
fn watch(settings: Settings) -> (Watching, std::sync::mpsc::Receiver<Heard>) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let program = folder.path().join("kw-bench-nap");
    std::fs::copy("/bin/sleep", &program).expect("sleep can be copied");
    let rules = folder.path().join("rules.yaml");
    std::fs::write(&rules, RULES).expect("a temporary folder can be written");
    let rules = Arc::new(RuleSet::load(&[Source::File(rules)]).expect("the rules are good"));
    let held = raise_open_files(RESERVED);
    let watch = Watch::open(settings, rules, held, Arc::new(SystemClock::new())).expect("/proc can be read");
    let handle = watch.handle();
    let (said, heard) = channel();
    let thread = std::thread::spawn(move || watch.run(&mut |event| tell(&said, event)));
    (Watching { program, handle, thread, _folder: folder }, heard)
}

const RULES: &str =
    "version: 1\nrules:\n  - {id: nap, name: Nap, severity: low, action: report, match: {process: kw-bench-nap}}\n";

fn tell(said: &Sender<Heard>, event: Event) {
    let say = |heard| {
        // The bench may have heard enough.
        let _ = said.send(heard);
    };
    match event {
        Event::PassBegins => {}
        Event::Exec(found) => say(Heard::Seen(found.identity.pid)),
        Event::Connector(state) => say(Heard::Connector(state)),
        Event::Pass(report) => {
            report.matches.iter().for_each(|found| say(Heard::Seen(found.identity.pid)));
            say(Heard::Pass);
        }
    }
}

impl Watching {
    /// Waits for these processes and for a pass after them; the share that was seen, in percent.
    fn share_seen(self, children: Vec<Child>, heard: &std::sync::mpsc::Receiver<Heard>) -> f64 {
        let pids: Vec<u32> = children.iter().map(Child::id).collect();
        for mut child in children {
            child.wait().expect("a child can be waited for");
        }
        let mut seen = HashSet::new();
        // Whatever was heard so far, then one pass more.
        while let Ok(told) = heard.try_recv() {
            seen.extend(pid_of(&told));
        }
        self.handle.pass_now();
        for told in heard {
            seen.extend(pid_of(&told));
            if matches!(told, Heard::Pass) {
                break;
            }
        }
        self.handle.stop();
        self.thread.join().expect("the watch does not panic");
        let found = pids.iter().filter(|pid| seen.contains(pid)).count();
        100.0 * found as f64 / pids.len() as f64
    }
}

fn pid_of(heard: &Heard) -> Option<u32> {
    match heard {
        Heard::Seen(pid) => Some(*pid),
        Heard::Pass | Heard::Connector(_) => None,
    }
}

fn sleep(program: &std::path::Path, seconds: &str) -> Child {
    Command::new(program).arg(seconds).spawn().expect("a process can be started")
}
