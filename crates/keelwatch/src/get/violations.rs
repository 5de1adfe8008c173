//! `keelwatch get violations`.
//!
//! Owns which question is asked for which arguments, and the columns.

use anyhow::Context;
use api::{Time, Violation};
use serde::Deserialize;
use serde_json::Value;

use super::{age, as_document, client, columns, or_dash};
use crate::cli::{GetViolations, Listing};

/// A violation as the controller serves it.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(flatten)]
    violation: Violation,
    /// Whether its node could not be asked lately.
    stale: bool,
}

const HEADER: [&str; 8] = ["SEVERITY", "RULE", "NAMESPACE", "POD", "PROCESS", "NODE", "STATUS", "AGE"];
const WIDE: [&str; 14] = [
    "SEVERITY",
    "RULE",
    "NAMESPACE",
    "TYPE",
    "NAME",
    "POD",
    "CONTAINER",
    "PROCESS",
    "PID",
    "NODE",
    "STATUS",
    "AGE",
    "SEEN",
    "CMDLINE",
];

/// Asks for the violations and writes them in the form that the arguments name. The one answer has all of them.
pub(super) async fn get(args: &GetViolations) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    let repeated = [
        ("namespace", &args.namespace),
        ("severity", &args.severity),
        ("rule", &args.rule),
        ("node", &args.node),
        ("type", &args.kind),
        ("name", &args.name),
    ];
    let repeated = repeated.into_iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value.as_str())));
    let query: Vec<(&str, &str)> = repeated.chain(args.state.as_deref().map(|state| ("state", state))).collect();
    let answer: Value = client.get("/api/violations", &query).await?;
    if let Some(document) = as_document(&answer, args.output)? {
        return Ok(document);
    }
    let shown: Vec<Shown> =
        serde_json::from_value(answer["violations"].clone()).context("the answer is not understood")?;
    let mut text = match args.output {
        Listing::Wide => columns(&WIDE, shown.iter().map(Shown::wide).collect(), args.output),
        Listing::Table | Listing::Json | Listing::Yaml => {
            columns(&HEADER, shown.iter().map(Shown::narrow).collect(), args.output)
        }
    };
    text.push_str(&looked(&answer));
    Ok(text)
}

/// Without it an empty list could mean anything.
fn looked(answer: &Value) -> String {
    let nodes = &answer["nodes"];
    let number = |key: &str| nodes[key].as_u64().unwrap_or_default();
    let (total, fresh, stale, failed) = (number("total"), number("fresh"), number("stale"), number("failed"));
    let when = answer["update_time"].as_str().and_then(|at| at.parse().ok());
    let when = when.map_or("not yet collected".to_owned(), |at| format!("collected {} ago", age(Time::of(at))));
    format!("\n{when}; nodes: {total}, fresh {fresh}, stale {stale}, failed {failed}\n")
}

impl Shown {
    fn narrow(&self) -> Vec<String> {
        let Violation { severity, rule, namespace, pod, process, node, first_seen, .. } = &self.violation;
        let cells = [severity.as_str(), rule, namespace, pod, process, node, &self.status(), &age(*first_seen)];
        cells.map(or_dash).to_vec()
    }

    fn wide(&self) -> Vec<String> {
        let Violation { severity, rule, namespace, name, pod, container, process, pid, node, cmdline, .. } =
            &self.violation;
        let kind = match self.violation.kind {
            api::violation::SubjectKind::App => "app",
            api::violation::SubjectKind::Devbox => "devbox",
        };
        let (pid, first, last) = (pid.to_string(), age(self.violation.first_seen), age(self.violation.last_seen));
        let status = self.status();
        let cells = [
            severity.as_str(),
            rule,
            namespace,
            kind,
            name,
            pod,
            container,
            process,
            &pid,
            node,
            &status,
            &first,
            &last,
            cmdline,
        ];
        cells.map(or_dash).to_vec()
    }

    fn status(&self) -> String {
        let status = match self.violation.status {
            api::violation::Status::Active => "active",
            api::violation::Status::Resolved => "resolved",
        };
        if self.stale { format!("{status},stale") } else { status.to_owned() }
    }
}
