//! Items for tests.

use std::sync::Arc;

use api::coverage::PassCoverage;
use api::violation::{Evidence, Flag, Parent};
use api::{Action, Severity, Time};
use jiff::Timestamp;
use processes::Identity;
use processes::cgroup::{Candidate, Outcome, Place};
use processes::matches::Match;

use crate::scan::item::{Item, Word};

pub(crate) const NODE: &str = "worker-3";

pub(crate) fn now() -> Time {
    Time::of("2026-11-21T04:31:02Z".parse().unwrap())
}

/// A miner in a container.
pub(crate) fn miner() -> Match {
    let started_at = Time::of("2026-11-21T04:29:58Z".parse().unwrap());
    let candidate = Candidate {
        pod_uid: Some("8712f785-1a3e-41ec-a00b-e2dcc77431cb".parse().unwrap()),
        container_id: Some("4f1c".repeat(16).parse().unwrap()),
    };
    Match {
        identity: Identity { pid: 41233, start_ticks: 8_123_456 },
        boot_id: "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11".to_owned(),
        comm: "xmrig".to_owned(),
        process: "xmrig".to_owned(),
        argv: ["./xmrig", "-o", "stratum+tcp://pool.example:3333", "--pass=***"].map(str::to_owned).to_vec(),
        cmdline: "./xmrig -o stratum+tcp://pool.example:3333 --pass=***".to_owned(),
        cut: false,
        exe: "/app/xm rig".to_owned(),
        flags: Vec::new(),
        cgroup: "0::/kubepods\n".to_owned(),
        place: Place { candidates: vec![candidate], nested: false, outcome: Outcome::Candidate },
        regex: "xmrig".to_owned(),
        severity: Severity::Critical,
        action: Action::Report,
        rule: "miner-name".to_owned(),
        pack: "miners".to_owned(),
        rules: vec!["miner-name".to_owned(), "miner-stratum".to_owned()],
        exempt_if: Vec::new(),
        evidence: Evidence {
            exe: "/app/xm rig".to_owned(),
            exe_flags: Vec::new(),
            comm_truncated: false,
            sha256: Some("9b".repeat(32)),
            sha256_skipped: None,
            uid: Some(1000),
            started_at,
            cpu_seconds: 118.2,
            parents: vec![Parent { pid: 41200, name: "sh".to_owned(), started_at }],
        },
        seen: Timestamp::from(now()),
    }
}

/// A process of the host in the place of a kernel thread; its executable cannot be read.
pub(crate) fn impostor() -> Match {
    let miner = miner();
    Match {
        identity: Identity { pid: 977, start_ticks: 12 },
        comm: "kworker/0:1".to_owned(),
        process: "kworker/0:1".to_owned(),
        argv: vec!["[kworker/0:1]".to_owned()],
        cmdline: "[kworker/0:1]".to_owned(),
        exe: String::new(),
        flags: vec![Flag::KernelThreadName],
        place: Place { candidates: Vec::new(), nested: false, outcome: Outcome::Host },
        regex: "kernel-thread-name".to_owned(),
        severity: Severity::High,
        rule: "fake-kernel-thread".to_owned(),
        pack: "hidden-executables".to_owned(),
        rules: vec!["fake-kernel-thread".to_owned()],
        evidence: Evidence {
            exe: String::new(),
            exe_flags: vec![Flag::KernelThreadName],
            sha256: None,
            sha256_skipped: Some(api::violation::HashSkipped::Unreadable),
            uid: Some(0),
            parents: Vec::new(),
            ..miner.evidence.clone()
        },
        ..miner
    }
}

/// One item of each verdict.
pub(crate) fn items() -> Vec<Item> {
    let shell = Match { identity: Identity { pid: 7, start_ticks: 1 }, cmdline: "-bash".to_owned(), ..impostor() };
    [(Word::Match, miner()), (Word::Exempt, impostor()), (Word::Clean, shell)]
        .map(|(word, found)| Item::new(word, Arc::new(found), NODE))
        .to_vec()
}

/// A pass that could read everything.
pub(crate) fn coverage() -> PassCoverage {
    PassCoverage {
        started: now(),
        took_ms: 6.4,
        cpu_ms: 5.9,
        seen: 612,
        new: 4,
        unreadable: 0,
        exited: 2,
        exe_unreadable: 0,
        held: 612,
        by_stat: 0,
        cut: 0,
        host_view: true,
    }
}
