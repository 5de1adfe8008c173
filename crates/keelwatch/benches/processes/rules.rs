//! A rule set of a thousand rules: names, words, paths and regexes, as a large site would have them.

use std::fmt::Write;
use std::sync::Arc;

use processes::rules::{RuleSet, Source};

/// The rules as a file.
pub(crate) fn thousand() -> String {
    let mut text = String::from("version: 1\nrules:\n");
    for number in 0..1_000 {
        let clause = match number % 10 {
            0..=3 => format!("{{process: {{any_of: [tool{number}, {{prefix: agent{number}-}}]}}}}"),
            4..=6 => format!("{{cmdline: {{contains: --secret-mode={number}}}}}"),
            7 => format!("{{exe: {{prefix: /opt/bad{number}/}}}}"),
            _ => format!("{{cmdline: {{regex: '(?i)--server{number}[= ]\\S+:\\d+'}}}}"),
        };
        writeln!(
            text,
            "  - {{id: bench-{number}, name: Rule {number}, severity: high, action: report, match: {clause}}}"
        )
        .expect("a string takes any text");
    }
    text
}

/// The rules, written to a file and compiled.
pub(crate) fn compiled(folder: &std::path::Path) -> Arc<RuleSet> {
    let file = folder.join("rules.yaml");
    std::fs::write(&file, thousand()).expect("a temporary folder can be written");
    Arc::new(RuleSet::load(&[Source::File(file)]).expect("the rules are good"))
}
