//! `keelwatch rules test`: runs the examples of a set.

use std::io::Write;

use processes::rules::{ExampleFailure, run_examples};

use crate::exit::{Exit, say, tolerate_closed};
use crate::rules::set;

pub(super) fn run(sources: &[String]) -> anyhow::Result<Exit> {
    let rules = match set::load(sources) {
        Ok(rules) => rules,
        Err(refused) => return Ok(refused.told()),
    };
    let failures = run_examples(&rules);
    for failure in &failures {
        // Whoever wrote the file chose these texts; none may steer a terminal.
        say(format_args!("{}", told(failure).replace(char::is_control, "\u{fffd}")));
    }
    if failures.is_empty() {
        let count = rules.rules().len();
        let ok = writeln!(anstream::stdout(), "ok: the examples of {count} rules are judged as they say");
        tolerate_closed(ok)?;
        return Ok(Exit::Clean);
    }
    Ok(Exit::Findings)
}

fn told(failure: &ExampleFailure) -> String {
    match failure {
        ExampleFailure::Missed { rule, example } => format!("{rule}: does not match `{example}`"),
        ExampleFailure::Mistaken { rule, example } => format!("{rule}: matches `{example}`"),
        ExampleFailure::TooFew { rule, matching, no_match } => {
            format!(
                "{rule}: has {matching} examples that match and {no_match} that do not (a built-in rule has 3 of each)"
            )
        }
        ExampleFailure::NoReferences { rule } => format!("{rule}: has no references (a built-in rule has some)"),
    }
}
