//! `keelwatch get findings`.
//!
//! Owns which question is asked for which arguments, and the columns of the list. One finding is in `finding`.

use anyhow::Context;
use api::Finding;
use api::finding::{Owner, Subject};
use serde_json::Value;

use super::{age, as_document, client, columns, every_page, finding, or_dash};
use crate::cli::{GetFindings, Listing};

const HEADER: [&str; 8] = ["SEVERITY", "RULE", "NAMESPACE", "APP", "SUBJECT", "NODE", "STATE", "AGE"];
const WIDE: [&str; 14] = [
    "SEVERITY",
    "SOURCE",
    "RULE",
    "NAMESPACE",
    "APP",
    "OWNER",
    "SUBJECT",
    "POD",
    "NODE",
    "STATE",
    "AGE",
    "SEEN",
    "COUNT",
    "FINGERPRINT",
];

/// Asks for the findings and writes them in the form that the arguments name.
pub(super) async fn get(args: &GetFindings) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    if let Some(fingerprint) = &args.fingerprint {
        return finding::get(&client, fingerprint, args.output).await;
    }
    let mut answer = every_page(&client, "/api/v1/findings", &query(args)).await?;
    // What was found while the pages were read is told too.
    answer["count"] = answer["items"].as_array().map_or(0, Vec::len).into();
    if let Some(document) = as_document(&answer, args.output)? {
        return Ok(document);
    }
    let found: Vec<Finding> = serde_json::from_value(answer["items"].take()).context("the answer is not understood")?;
    Ok(table(&found, args.output) + missing(&answer))
}

/// Without it an empty list could mean anything.
fn missing(answer: &Value) -> &'static str {
    if answer["complete"] == true { "" } else { "\nincomplete: see `keelwatch get coverage`\n" }
}

/// Columns of a list of findings.
pub(super) fn table(found: &[Finding], output: Listing) -> String {
    match output {
        Listing::Wide => columns(&WIDE, found.iter().map(wide).collect(), output),
        Listing::Table | Listing::Json | Listing::Yaml => columns(&HEADER, found.iter().map(narrow).collect(), output),
    }
}

fn query(args: &GetFindings) -> Vec<(&'static str, &str)> {
    let repeated = [
        ("source", &args.source),
        ("severity", &args.severity),
        ("rule", &args.rule),
        ("state", &args.state),
        ("namespace", &args.namespace),
        ("owner", &args.owner),
        ("app", &args.app),
        ("node", &args.node),
        ("image", &args.image),
        ("kind", &args.kind),
    ];
    let single = [
        ("min_severity", args.min_severity.as_deref()),
        ("stale", args.stale.map(|stale| if stale { "true" } else { "false" })),
        ("since", args.since.as_deref()),
        ("q", args.query.as_deref()),
        ("sort", args.sort.as_deref()),
    ];
    let repeated = repeated.into_iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value.as_str())));
    repeated.chain(single.into_iter().filter_map(|(key, value)| Some((key, value?)))).collect()
}

fn narrow(found: &Finding) -> Vec<String> {
    let Finding { severity, rule, subject, .. } = found;
    let cells = [
        severity.as_str(),
        rule,
        subject.namespace.as_deref().unwrap_or_default(),
        &app(found),
        &named(subject),
        subject.node.as_deref().unwrap_or_default(),
        &state(found),
        &age(found.first_seen),
    ];
    cells.map(or_dash).to_vec()
}

fn wide(found: &Finding) -> Vec<String> {
    let Finding { severity, source, rule, subject, fingerprint, .. } = found;
    let cells = [
        severity.as_str(),
        source.as_str(),
        rule,
        subject.namespace.as_deref().unwrap_or_default(),
        &app(found),
        &found.owner.as_ref().map(owner).unwrap_or_default(),
        &named(subject),
        subject.pod.as_deref().unwrap_or_default(),
        subject.node.as_deref().unwrap_or_default(),
        &state(found),
        &age(found.first_seen),
        &age(found.last_seen),
        &found.count.to_string(),
        fingerprint.as_str(),
    ];
    cells.map(or_dash).to_vec()
}

fn app(found: &Finding) -> String {
    let type_and_name = |app: &api::finding::App| {
        let kind = match app.kind {
            api::violation::SubjectKind::App => "app",
            api::violation::SubjectKind::Devbox => "devbox",
        };
        format!("{kind}/{}", app.name)
    };
    found.app.as_ref().map(type_and_name).unwrap_or_default()
}

pub(super) fn owner(owner: &Owner) -> String {
    format!("{}/{}", owner.kind, owner.name)
}

fn named(subject: &Subject) -> String {
    format!("{}/{}", subject.kind, subject.name)
}

/// A finding that nobody could look at lately says so beside its state.
fn state(found: &Finding) -> String {
    let state = found.state.as_str();
    if found.stale { format!("{state},stale") } else { state.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_list_says_if_something_was_not_looked_at() {
        let told = |answer: Value| table(&[], Listing::Table) + missing(&answer);
        let header = "SEVERITY  RULE  NAMESPACE  APP  SUBJECT  NODE  STATE  AGE\n";
        let incomplete = format!("{header}\nincomplete: see `keelwatch get coverage`\n");
        assert_eq!(
            [json!({"complete": true}), json!({"complete": false}), json!({})].map(told),
            [header.to_owned(), incomplete.clone(), incomplete]
        );
    }
}
