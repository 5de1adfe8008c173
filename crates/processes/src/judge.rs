//! Puts a judged process into words: redacted texts, rule, evidence.
//!
//! Owns building a `Match`. Which rules hold is `rules`' job, reading evidence `evidence`'s.

use std::sync::Arc;
use std::time::Duration;

use api::violation::{Evidence, HashSkipped, Parent};
use api::{Action, Severity, Time};
use jiff::Timestamp;

use crate::cgroup::{Outcome as CgroupOutcome, Place};
use crate::evidence::Findings;
use crate::look::Fresh;
use crate::matches::Match;
use crate::process::Texts;
use crate::redact::Redactor;
use crate::rules::{Hit, RuleSet, Scratch, Subject};
use crate::settings::EvidenceSettings;
use crate::tree::Tree;

/// One rule set, and how its matches are put into words.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) rules: Arc<RuleSet>,
    /// Working memory of the set; out while it judges.
    pub(crate) scratch: Option<Scratch>,
    redactor: Redactor,
    cmdline_max: usize,
}

/// What is known of a process beside its texts.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) boot_id: String,
    pub(crate) evidence: Evidence,
    pub(crate) cgroup: String,
    pub(crate) place: Place,
}

impl Context {
    /// As it was put into words before.
    pub(crate) fn of(known: &Match) -> Self {
        Self {
            boot_id: known.boot_id.clone(),
            evidence: known.evidence.clone(),
            cgroup: known.cgroup.clone(),
            place: known.place.clone(),
        }
    }
}

impl Judge {
    /// A judge of this set; `redact` has passed `Settings::check`.
    pub(crate) fn new(rules: Arc<RuleSet>, redact: &[String], evidence: &EvidenceSettings) -> Self {
        let redactor = Redactor::new(redact).expect("patterns are compiled when settings are checked");
        let cmdline_max = usize::try_from(evidence.cmdline_max).expect("a command line is at most 4 KiB");
        Self { scratch: Some(rules.scratch()), rules, redactor, cmdline_max }
    }

    /// The process in words. Without a hit it is a process that no rule matches.
    pub(crate) fn describe(&self, fresh: &Fresh, hit: Option<&Hit>, context: Context, now: Timestamp) -> Match {
        let Context { boot_id, mut evidence, cgroup, place } = context;
        evidence.comm_truncated = hit.is_some_and(|hit| hit.comm_truncated);
        let texts = texts(fresh);
        let primary = hit.and_then(|hit| hit.rules.first()).map(|rule| &self.rules.rules()[rule.as_usize()]);
        // A process of the host is in no namespace, so no exemption can wait for one.
        let waits = hit.filter(|_| place.outcome != CgroupOutcome::Host);
        Match {
            identity: fresh.identity,
            boot_id,
            comm: self.redactor.text(&fresh.comm),
            process: self.redactor.text(hit.map_or(&fresh.comm, |hit| &hit.process)),
            argv: self.redactor.args(texts.args()),
            cmdline: self.redactor.line(texts.args(), self.cmdline_max),
            cut: fresh.cut,
            exe: evidence.exe.clone(),
            flags: evidence.exe_flags.clone(),
            cgroup,
            place,
            regex: hit.map(|hit| hit.regex.clone()).unwrap_or_default(),
            severity: primary.map_or(Severity::Low, |rule| rule.severity),
            action: primary.map_or(Action::Report, |rule| rule.action),
            rule: primary.map(|rule| rule.id.clone()).unwrap_or_default(),
            pack: primary.map(|rule| rule.pack.to_string()).unwrap_or_default(),
            rules: hit.map(|hit| self.ids(hit)).unwrap_or_default(),
            exempt_if: waits.map(|hit| hit.exempt_if.clone()).unwrap_or_default(),
            evidence,
            seen: now,
        }
    }

    /// The cgroup file, fit to be shown.
    pub(crate) fn cgroup_text(&self, cgroup: Option<&[u8]>) -> String {
        let lines = cgroup.unwrap_or_default().trim_ascii_end().split(|byte| *byte == b'\n');
        let shown: Vec<String> = lines.map(|line| self.redactor.text(line)).collect();
        shown.join("\n")
    }

    /// The evidence in words; without findings the process ended before they could be taken, and what an exec event
    /// showed of it stands alone.
    pub(crate) fn evidence(&self, tree: &Tree, fresh: &Fresh, findings: Option<&Findings>) -> Evidence {
        let texts = texts(fresh);
        let (sha256, sha256_skipped) = match findings.map_or(Err(HashSkipped::Unreadable), |findings| findings.sha256) {
            Ok(hash) => (Some(api::hex(&hash)), None),
            Err(why) => (None, Some(why)),
        };
        let parents = findings.map(|findings| findings.parents.as_slice()).unwrap_or_default();
        let cpu_ticks = findings.map_or(fresh.cpu_ticks, |findings| findings.cpu_ticks);
        Evidence {
            exe: texts.exe().map(|exe| self.redactor.text(exe.path)).unwrap_or_default(),
            exe_flags: texts.flags(),
            comm_truncated: false,
            sha256,
            sha256_skipped,
            uid: findings.and_then(|findings| findings.uid),
            started_at: Time::of(tree.started_at(fresh.identity.start_ticks)),
            cpu_seconds: tree.since_boot(cpu_ticks).as_secs_f64(),
            parents: parents
                .iter()
                .map(|parent| Parent {
                    pid: parent.pid,
                    name: self.redactor.text(&parent.comm),
                    started_at: Time::of(tree.started_at(parent.start_ticks)),
                })
                .collect(),
        }
    }

    /// Ids of the rules of a hit, primary first.
    fn ids(&self, hit: &Hit) -> Vec<String> {
        hit.rules.iter().map(|rule| self.rules.rules()[rule.as_usize()].id.clone()).collect()
    }
}

/// The process as a rule set judges it.
pub(crate) fn subject(fresh: &Fresh, age: Duration, now: Timestamp) -> Subject<'_> {
    Subject { texts: texts(fresh), age, now }
}

fn texts(fresh: &Fresh) -> Texts<'_> {
    Texts { comm: &fresh.comm, cmdline: &fresh.cmdline, exe: fresh.exe.as_deref() }
}
