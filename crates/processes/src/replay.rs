//! Judges recorded processes again: what would other rules have found?
//!
//! Owns reading the JSON Lines that `keelwatch scan` writes, and comparing two verdicts. What was redacted or cut when
//! it was recorded is judged as it is, so such lines are counted: live, they may have been judged otherwise.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufRead, Read as _};
use std::time::Duration;

use api::violation::Flag;
use jiff::Timestamp;
use serde::Deserialize;

use crate::process::Texts;
use crate::rules::{RuleSet, Scratch, Subject, parse_sha256};

/// Longest line. A record has at most 2 MiB of command line, and its escaping in JSON takes six times as much.
const LINE_MAX: usize = 16 << 20;

/// Malformed lines that are kept; more are only counted.
const MALFORMED_KEPT: usize = 100;

/// Rules that a record names at most.
const RECORDED_RULES: usize = 16;

/// What the rules are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Against<'r> {
    /// The rules that each line says it matched.
    Recorded,
    /// Another set, judging the same line.
    Rules(&'r RuleSet),
}

/// What came of a file of recorded processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// Matches gained and lost, in the order of the lines, then by rule.
    pub changes: Vec<Change>,
    /// Lines that were judged.
    pub judged: u64,
    /// Of those, lines with something redacted.
    pub redacted: u64,
    /// Of those, lines whose command line was cut.
    pub cut: u64,
    /// Lines that are no record; the first 100.
    pub malformed: Vec<Malformed>,
    /// How many lines are no record.
    pub malformed_count: u64,
}

/// One match gained or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Number of the line, the first is 1.
    pub line: u64,
    /// Whether it matches now or did before.
    pub kind: ChangeKind,
    /// Id of the rule.
    pub rule: String,
    /// Process id in the recorded tree.
    pub pid: u32,
    /// What the record calls the process, else comm.
    pub process: String,
    /// The recorded arguments, joined.
    pub cmdline: String,
}

/// Which of two rule sets matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Only the rules at hand.
    Gained,
    /// Only what they are compared with.
    Lost,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Number of the line, the first is 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The lines could not be read to the end.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the records behind line {line}")]
pub struct ReplayError {
    /// The last line that was read whole.
    line: u64,
    #[source]
    source: io::Error,
}

/// The parts of a record that are judged or told. Others are left alone, so that records of other versions are read.
#[derive(Debug, Deserialize)]
struct Record {
    #[serde(default)]
    process: String,
    #[serde(default)]
    cmdline: String,
    pid: u32,
    verdict: Verdict,
    #[serde(default)]
    change: Told,
    comm: String,
    argv: Vec<String>,
    exe: String,
    flags: Vec<Flag>,
    #[serde(default)]
    cut: bool,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    last_seen: Option<Timestamp>,
    #[serde(default)]
    evidence: RecordedEvidence,
}

#[derive(Debug, Default, Deserialize)]
struct RecordedEvidence {
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    started_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Match,
    Exempt,
    Clean,
}

/// Why `scan --watch` wrote a line. Other outputs write each process once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum Told {
    #[default]
    #[serde(rename = "+")]
    Came,
    /// It was told before.
    #[serde(rename = "-")]
    Gone,
}

/// The texts of a record as the kernel would give them.
#[derive(Debug)]
struct Rebuilt {
    cmdline: Vec<u8>,
    exe: Option<Vec<u8>>,
}

/// A rule set at work.
struct Judge<'r> {
    rules: &'r RuleSet,
    scratch: Scratch,
    now: Timestamp,
}

/// What a line says.
enum Line {
    End,
    Whole,
    TooLong,
}

/// Judges every line by `rules`. Records without a time of their own count as seen at `now`.
pub fn replay(
    mut lines: impl BufRead,
    rules: &RuleSet,
    against: Against<'_>,
    now: Timestamp,
) -> Result<Replay, ReplayError> {
    let mut judge = Judge::new(rules, now);
    let mut other = match against {
        Against::Recorded => None,
        Against::Rules(rules) => Some(Judge::new(rules, now)),
    };
    let mut replay = Replay::default();
    let mut bytes = Vec::new();
    for line in 1.. {
        match read_line(&mut lines, &mut bytes).map_err(|source| ReplayError { line: line - 1, source })? {
            Line::End => break,
            Line::TooLong => replay.refuse(line, "is longer than 16 MiB".to_owned()),
            Line::Whole if bytes.trim_ascii().is_empty() => {}
            Line::Whole => match serde_json::from_slice::<Record>(&bytes) {
                Ok(record) if record.change == Told::Gone => {}
                Ok(record) => replay.take(line, &record, &mut judge, other.as_mut()),
                Err(error) => replay.refuse(line, reason(&error)),
            },
        }
    }
    Ok(replay)
}

impl Replay {
    fn refuse(&mut self, line: u64, reason: String) {
        self.malformed_count += 1;
        if self.malformed.len() < MALFORMED_KEPT {
            self.malformed.push(Malformed { line, reason });
        }
    }

    fn take(&mut self, line: u64, record: &Record, judge: &mut Judge<'_>, other: Option<&mut Judge<'_>>) {
        self.judged += 1;
        self.redacted += u64::from(record.is_redacted());
        self.cut += u64::from(record.cut);
        let (ours, theirs) = match other {
            Some(other) => (judge.matches(record), other.matches(record)),
            // A record names only the first rules by primary order, so no more of ours are compared.
            None => (judge.matches(record).into_iter().take(RECORDED_RULES).collect(), record.recorded()),
        };
        let [ours, theirs] = [ours, theirs].map(BTreeSet::from_iter);
        for rule in ours.symmetric_difference(&theirs) {
            let kind = if ours.contains(rule) { ChangeKind::Gained } else { ChangeKind::Lost };
            self.changes.push(record.change(line, kind, rule.clone()));
        }
    }
}

impl<'r> Judge<'r> {
    fn new(rules: &'r RuleSet, now: Timestamp) -> Self {
        Self { rules, scratch: rules.scratch(), now }
    }

    /// Ids of the rules that match and are not exempted, primary first.
    fn matches(&mut self, record: &Record) -> Vec<String> {
        let rebuilt = record.rebuilt();
        let texts = Texts { comm: record.comm.as_bytes(), cmdline: &rebuilt.cmdline, exe: rebuilt.exe.as_deref() };
        let now = record.last_seen.unwrap_or(self.now);
        let subject = Subject { texts, age: record.age(now), now };
        let mut sha256 = || record.evidence.sha256.as_deref().and_then(parse_sha256);
        let judgement = self.rules.judge(&mut self.scratch, &subject, &mut sha256);
        let hit = judgement.matched.filter(|_| judgement.exempt.is_none());
        let rules = hit.map(|hit| hit.rules).unwrap_or_default();
        rules.into_iter().map(|index| self.rules.rule(index).id.clone()).collect()
    }
}

impl Record {
    /// Ids of the rules that matched when it was recorded.
    fn recorded(&self) -> Vec<String> {
        match self.verdict {
            Verdict::Match => self.rules.clone(),
            Verdict::Exempt | Verdict::Clean => Vec::new(),
        }
    }

    fn is_redacted(&self) -> bool {
        let texts = self.argv.iter().chain([&self.comm, &self.exe, &self.process]);
        texts.into_iter().any(|text| text.contains("***"))
    }

    /// A process of unknown age is old enough for every rule.
    fn age(&self, now: Timestamp) -> Duration {
        let age = self.evidence.started_at.map(|started| now.duration_since(started));
        age.map_or(Duration::MAX, |age| Duration::try_from(age).unwrap_or_default())
    }

    fn rebuilt(&self) -> Rebuilt {
        let has = |flag| self.flags.contains(&flag);
        let mut cmdline: Vec<u8> = self.argv.iter().flat_map(|argument| argument.bytes().chain([0])).collect();
        if cmdline.is_empty() && self.exe.is_empty() && has(Flag::KernelThreadName) {
            // The flag needs a command line or an executable: it was one of NULs only.
            cmdline.push(0);
        }
        let exe = match self.exe.as_str() {
            "" => None,
            exe if has(Flag::Memfd) => Some(format!("/{exe} (deleted)")),
            exe if has(Flag::Deleted) => Some(format!("{exe} (deleted)")),
            exe => Some(exe.to_owned()),
        };
        Rebuilt { cmdline, exe: exe.map(String::into_bytes) }
    }

    fn change(&self, line: u64, kind: ChangeKind, rule: String) -> Change {
        let process = if self.process.is_empty() { &self.comm } else { &self.process };
        let cmdline = if self.cmdline.is_empty() { self.argv.join(" ") } else { self.cmdline.clone() };
        Change { line, kind, rule, pid: self.pid, process: process.clone(), cmdline }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line: _, kind, rule, pid, process, cmdline } = self;
        let sign = match kind {
            ChangeKind::Gained => '+',
            ChangeKind::Lost => '-',
        };
        write!(f, "{sign} {} {pid} {} {}", plain(rule), plain(process), plain(cmdline))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// What is wrong with a line, without the place in it: each line is a text of its own, and its first line is the only one.
fn reason(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let told = error.to_string();
    let what = told.strip_suffix(&place).unwrap_or(&told);
    format!("{} (column {})", plain(what), error.column())
}

/// Whoever wrote the file chose its texts; none may steer a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Reads one line without its end; of one that is too long, only that it is.
fn read_line(lines: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Line> {
    bytes.clear();
    let limit = LINE_MAX as u64 + 1;
    if lines.by_ref().take(limit).read_until(b'\n', bytes)? == 0 {
        return Ok(Line::End);
    }
    if bytes.len() <= LINE_MAX || bytes.ends_with(b"\n") {
        return Ok(Line::Whole);
    }
    bytes.clear();
    lines.skip_until(b'\n')?;
    Ok(Line::TooLong)
}

#[cfg(test)]
mod tests;
