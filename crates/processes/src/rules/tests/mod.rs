//! Tests of the rule language, through the doors that others use.

mod bounds;
mod exemptions;
mod faults;
mod judging;
mod model;

use std::time::Duration;

use expect_test::Expect;
use jiff::Timestamp;

use super::{Judgement, RuleSet, RuleText, Subject};
use crate::process::Texts;

const NOW: &str = "2026-11-21T04:30:00Z";

/// One process, by default an hour old.
#[derive(Debug, Clone)]
struct Process {
    comm: Vec<u8>,
    cmdline: Vec<u8>,
    exe: Option<Vec<u8>>,
    age: Duration,
    now: Timestamp,
    sha256: Option<[u8; 32]>,
}

impl Process {
    fn new(comm: &str, argv: &[&str], exe: &str) -> Self {
        Self {
            comm: comm.into(),
            cmdline: argv.iter().flat_map(|argument| argument.bytes().chain([0])).collect(),
            exe: (!exe.is_empty()).then(|| exe.into()),
            age: Duration::from_hours(1),
            now: NOW.parse().unwrap(),
            sha256: None,
        }
    }

    fn aged(self, age: Duration) -> Self {
        Self { age, ..self }
    }

    fn at(self, now: &str) -> Self {
        Self { now: now.parse().unwrap(), ..self }
    }

    fn texts(&self) -> Texts<'_> {
        Texts { comm: &self.comm, cmdline: &self.cmdline, exe: self.exe.as_deref() }
    }

    fn judged_by(&self, set: &RuleSet) -> Judgement {
        let subject = Subject { texts: self.texts(), age: self.age, now: self.now };
        set.judge(&mut set.scratch(), &subject, &mut || self.sha256)
    }
}

#[track_caller]
fn compile(yaml: &str) -> RuleSet {
    let set = RuleSet::compile(&[RuleText::of_file("a.yaml", format!("version: 1\n{yaml}"))]);
    set.unwrap_or_else(|faults| panic!("{}", told(&faults)))
}

/// A set of one rule with these conditions in flow style.
#[track_caller]
fn matching(conditions: &str) -> RuleSet {
    compile(&format!("rules:\n- {{id: r, name: n, severity: high, match: {{{conditions}}}}}\n"))
}

fn told(faults: &[document::Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect::<Vec<_>>().concat()
}

/// Ids of the rules that hold, primary first.
fn ids(set: &RuleSet, judgement: &Judgement) -> Vec<String> {
    let rules = judgement.matched.iter().flat_map(|hit| &hit.rules);
    rules.map(|index| set.rule(*index).id.clone()).collect()
}

/// Compiles one file and compares all its faults.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written where it is passed")]
fn check_faults(yaml: &str, expected: Expect) {
    let faults = RuleSet::compile(&[RuleText::of_file("a.yaml", yaml)]).unwrap_err();
    expected.assert_eq(&told(&faults));
}
