//! The examples of rules: processes that a rule must and must not match.
//!
//! Owns running them. An example is judged against its own rule alone, whether that is enabled or not, and as if the
//! process were old enough.

use std::fmt;

use super::clause::FlagSet;
use super::engine::{Engine, View};
use super::file::{ExampleDef, ExampleProcess, ExamplesDef};
use super::names::{COMM_MAX, basename};
use super::pack::Pack;
use super::rule::Rule;
use super::set::RuleSet;
use crate::process::{Exe, Texts};

/// A built-in rule has at least this many examples of either kind.
const OF_A_BUILTIN_RULE: usize = 3;

/// The examples of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Examples {
    matching: Vec<Example>,
    no_match: Vec<Example>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Example {
    comm: Vec<u8>,
    cmdline: Vec<u8>,
    exe: Option<Vec<u8>>,
    shown: String,
}

/// An example that was judged wrongly, or a built-in rule that lacks some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExampleFailure {
    /// The rule must match it and does not.
    Missed {
        /// Id of the rule.
        rule: String,
        /// The example as it is written.
        example: String,
    },
    /// The rule must not match it and does.
    Mistaken {
        /// Id of the rule.
        rule: String,
        /// The example as it is written.
        example: String,
    },
    /// A built-in rule has too few.
    TooFew {
        /// Id of the rule.
        rule: String,
        /// How many it must match.
        matching: usize,
        /// How many it must not match.
        no_match: usize,
    },
    /// A built-in rule does not say where the knowledge comes from.
    NoReferences {
        /// Id of the rule.
        rule: String,
    },
}

/// Runs the examples of all rules of the set.
pub fn run_examples(set: &RuleSet) -> Vec<ExampleFailure> {
    set.rules.iter().flat_map(|rule| rule_failures(set, rule)).collect()
}

fn rule_failures(set: &RuleSet, rule: &Rule) -> Vec<ExampleFailure> {
    let mut failures = Vec::new();
    let Examples { matching, no_match } = &rule.examples;
    if let Pack::Builtin(_) = rule.pack {
        if rule.references.is_empty() {
            failures.push(ExampleFailure::NoReferences { rule: rule.id.clone() });
        }
        if matching.len() < OF_A_BUILTIN_RULE || no_match.len() < OF_A_BUILTIN_RULE {
            let (matching, no_match) = (matching.len(), no_match.len());
            failures.push(ExampleFailure::TooFew { rule: rule.id.clone(), matching, no_match });
        }
    }
    let engine = Engine::build(&set.arena, rule.matcher.clauses())
        .expect("the clauses of one rule take less memory than those of the whole set");
    let mut scratch = engine.scratch(&set.arena);
    let mut buffer = Vec::new();
    let mut holds = |example: &Example| {
        let texts = example.texts();
        engine.scan(&set.arena, &mut scratch, View::of(&texts, &mut buffer));
        rule.matcher.holds(&scratch, FlagSet::of(&texts.flags()))
    };
    let named = |example: &Example| (rule.id.clone(), example.shown.clone());
    for (rule, example) in matching.iter().filter(|example| !holds(example)).map(named) {
        failures.push(ExampleFailure::Missed { rule, example });
    }
    for (rule, example) in no_match.iter().filter(|example| holds(example)).map(named) {
        failures.push(ExampleFailure::Mistaken { rule, example });
    }
    failures
}

impl Examples {
    pub(super) fn of(def: &ExamplesDef) -> Self {
        let ExamplesDef { matching, no_match } = def;
        let all = |examples: &[ExampleDef]| examples.iter().map(Example::of).collect();
        Self { matching: all(matching), no_match: all(no_match) }
    }
}

impl Example {
    fn of(def: &ExampleDef) -> Self {
        match def {
            ExampleDef::Line(line) => Self::of_line(line),
            ExampleDef::Process(process) => Self::of_process(process),
        }
    }

    fn of_line(line: &str) -> Self {
        let argv: Vec<&str> = line.split(' ').collect();
        let first = argv[0].as_bytes();
        Self { comm: comm_of(first), cmdline: cmdline_of(argv), exe: Some(first.to_owned()), shown: line.to_owned() }
    }

    fn of_process(process: &ExampleProcess) -> Self {
        let ExampleProcess { comm, exe, argv } = process;
        let path = exe.as_ref().map(|exe| Exe::of(exe.as_bytes()).path);
        let named_after = path.or(argv.first().map(String::as_bytes)).unwrap_or_default();
        let comm = comm.as_ref().map_or_else(|| comm_of(named_after), |comm| cut(comm.as_bytes()));
        let shown =
            format!("comm {} argv {argv:?} exe {}", String::from_utf8_lossy(&comm), exe.as_deref().unwrap_or("-"));
        let cmdline = cmdline_of(argv.iter().map(String::as_str));
        Self { comm, cmdline, exe: exe.as_ref().map(|exe| exe.as_bytes().to_owned()), shown }
    }

    fn texts(&self) -> Texts<'_> {
        Texts { comm: &self.comm, cmdline: &self.cmdline, exe: self.exe.as_deref() }
    }
}

/// What the kernel calls a process after the path that it executes.
fn comm_of(path: &[u8]) -> Vec<u8> {
    cut(basename(path))
}

fn cut(name: &[u8]) -> Vec<u8> {
    name[..name.len().min(COMM_MAX)].to_owned()
}

fn cmdline_of<'t>(argv: impl IntoIterator<Item = &'t str>) -> Vec<u8> {
    argv.into_iter().flat_map(|argument| argument.bytes().chain([0])).collect()
}

impl fmt::Display for ExampleFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed { rule, example } => write!(f, "{rule}: should match and does not: {example}"),
            Self::Mistaken { rule, example } => write!(f, "{rule}: should not match and does: {example}"),
            Self::TooFew { rule, matching, no_match } => write!(
                f,
                "{rule}: has {matching} examples that match and {no_match} that do not (a built-in rule needs \
                 {OF_A_BUILTIN_RULE} of each)"
            ),
            Self::NoReferences { rule } => write!(f, "{rule}: has no references (a built-in rule needs them)"),
        }
    }
}
