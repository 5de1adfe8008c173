//! SARIF 2.1.0, for code scanning services and security dashboards.
//!
//! Owns what findings are in it. A finding is at no file: its logical location names the subject.

use std::collections::BTreeMap;

use api::Severity;
use api::finding::{Finding, State};
use serde_json::{Value, json};

use crate::book::Book;
use crate::filter::Filter;
use crate::sarif::{SCHEMA, level, score};

/// What is told of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    id: String,
    severity: Severity,
    help: String,
}

/// After the last result.
pub(super) const END: &str = "\n]}]}\n";

/// The rules of all findings that match, by id, each with its worst severity and with what one of its findings says.
pub(super) fn rules(book: &Book, filter: &Filter) -> Vec<Rule> {
    let mut rules = BTreeMap::new();
    let (words, mut wanted) = (book.columns().words(), filter.over(book));
    for row in wanted.rows() {
        if wanted.matches(row) {
            let known = rules.entry(row.rule).or_insert((row.severity, &row.fingerprint));
            known.0 = known.0.max(row.severity);
        }
    }
    let rule = |(word, (severity, one))| {
        let help = book.get(one).map(|record| record.told.description.as_ref().to_owned()).unwrap_or_default();
        Rule { id: words.get(word).unwrap_or_default().to_owned(), severity, help }
    };
    let mut rules: Vec<Rule> = rules.into_iter().map(rule).collect();
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    rules
}

/// Up to the first result.
pub(super) fn begin(rules: &[Rule]) -> String {
    let driver = json!({
        "name": "Keelwatch",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(descriptor).collect::<Vec<_>>(),
    });
    format!(
        "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":{driver}}},\
         \"columnKind\":\"utf16CodeUnits\",\"results\":["
    )
}

pub(super) fn result(finding: &Finding, rules: &[Rule]) -> Value {
    let subject = &finding.subject;
    let about = match finding.description.as_str() {
        "" => finding.title.clone(),
        description => format!("{}. {description}", finding.title),
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": about},
        "locations": [{"logicalLocations": [{
            "name": subject.name,
            "fullyQualifiedName": place(finding),
            "kind": if &*subject.kind == "process" { "process" } else { "resource" },
        }]}],
        "partialFingerprints": {"keelwatch/v1": finding.fingerprint},
        "properties": {
            "severity": finding.severity,
            "source": finding.source,
            "state": finding.state,
            "stale": finding.stale,
            "subject": subject,
            "owner": finding.owner,
            "app": finding.app,
            "image": finding.image,
            "first_seen": finding.first_seen,
            "last_seen": finding.last_seen,
            "count": finding.count,
            "resolved_at": finding.resolved_at,
            "resolved_reason": finding.resolved_reason,
            "evidence": finding.evidence,
        },
    });
    if let Ok(index) = rules.binary_search_by(|rule| rule.id.as_str().cmp(&finding.rule)) {
        result["ruleIndex"] = json!(index);
    }
    if finding.state == State::Silenced {
        let by = finding.silence.as_deref().unwrap_or_default();
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": format!("silenced by {by}")}]);
    }
    result
}

fn descriptor(rule: &Rule) -> Value {
    let Rule { id, severity, help } = rule;
    let help = if help.is_empty() { id } else { help };
    json!({
        "id": id,
        "shortDescription": {"text": id},
        "help": {"text": help},
        "defaultConfiguration": {"level": level(*severity)},
        "properties": {"security-severity": score(*severity)},
    })
}

/// Where it is, from the outside in: `worker-3/ns-shop/cart-0/web/xmrig`.
fn place(finding: &Finding) -> String {
    let subject = &finding.subject;
    let around = [&subject.node, &subject.namespace, &subject.pod, &subject.container];
    let parts = around.into_iter().flatten().map(Box::as_ref).chain([&*subject.name]);
    parts.collect::<Vec<_>>().join("/")
}
