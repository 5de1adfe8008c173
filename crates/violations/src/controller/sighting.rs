//! A record as findings keep it, and back: `/api/violations` is a view of findings and no store of its own.
//!
//! Owns which field of a record becomes which part of a finding.

use std::sync::Arc;

use api::finding::Subject;
use api::violation::{
    Attribution, AttributionReason, Evidence, ExemptScope, Flag, HashSkipped, Parent, ResolvedReason, Status,
    SubjectKind,
};
use api::{Action, Time, Violation};
use findings::batch::Belongs;
use findings::record::Life;
use findings::{Facts, Record, Sighting, Told};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What makes it another finding to a reader.
#[derive(Debug, Serialize, Deserialize)]
struct OfRecord {
    cmdline: String,
    regex: String,
    #[serde(rename = "type")]
    kind: SubjectKind,
    name: String,
    container_id: String,
    pid: u32,
    rules: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exempt_if: Vec<ExemptScope>,
    attribution: Attribution,
    attribution_reason: AttributionReason,
    boot: String,
    exe: String,
    exe_flags: Vec<Flag>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    comm_truncated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256_skipped: Option<HashSkipped>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
}

/// What an agent that has started again may tell otherwise of the same process.
#[derive(Debug, Serialize, Deserialize)]
struct Varying {
    started_at: Time,
    cpu_seconds: f64,
    parents: Vec<Parent>,
}

/// The sighting that a record of the node with this boot id is.
pub(crate) fn sighting(violation: Violation, belongs: Belongs, boot: &str, count: u64) -> Sighting {
    let (title, description) = (title(&violation), description(&violation));
    let evidence = violation.evidence;
    let facts = OfRecord {
        cmdline: violation.cmdline,
        regex: violation.regex,
        kind: violation.kind,
        name: violation.name,
        container_id: violation.container_id,
        pid: violation.pid,
        rules: violation.rules,
        exempt_if: violation.exempt_if,
        attribution: violation.attribution,
        attribution_reason: violation.attribution_reason,
        boot: boot.to_owned(),
        exe: evidence.exe,
        exe_flags: evidence.exe_flags,
        comm_truncated: evidence.comm_truncated,
        sha256: evidence.sha256,
        sha256_skipped: evidence.sha256_skipped,
        uid: evidence.uid,
    };
    let figures =
        Varying { started_at: evidence.started_at, cpu_seconds: evidence.cpu_seconds, parents: evidence.parents };
    let given = |text: String| Some(text.into_boxed_str()).filter(|text| !text.is_empty());
    let told = Told {
        fingerprint: violation.fingerprint,
        rule: violation.rule.into(),
        severity: violation.severity,
        action: Some(violation.action),
        title: title.into(),
        description,
        subject: Subject {
            kind: "process".into(),
            name: violation.process.into(),
            namespace: given(violation.namespace),
            pod: given(violation.pod),
            pod_uid: given(violation.pod_uid),
            container: given(violation.container),
            node: Some(violation.node.into()),
        },
        belongs: Arc::new(belongs),
        facts: as_facts(&facts),
        figures: as_facts(&figures),
        exemption: None,
    };
    Sighting { told, count: Some(count), first_seen: Some(violation.first_seen) }
}

/// The record that a finding of source `process` is; none if another version of the program has written it in another way.
pub(crate) fn violation(record: &Record) -> Option<Violation> {
    let told = &record.told;
    let facts: OfRecord = serde_json::from_str(told.facts.as_str()).ok()?;
    let figures: Varying = serde_json::from_str(told.figures.as_str()).ok()?;
    let subject = &told.subject;
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let (status, resolved_at, resolved_reason) = match &record.life {
        Life::Open { .. } => (Status::Active, None, None),
        Life::Resolved { at, reason } => (Status::Resolved, Some(*at), reason_of(reason)),
    };
    Some(Violation {
        pod: text(&subject.pod),
        namespace: text(&subject.namespace),
        process: subject.name.as_ref().to_owned(),
        cmdline: facts.cmdline,
        regex: facts.regex,
        status,
        kind: facts.kind,
        name: facts.name,
        timestamp: record.last_seen,
        node: text(&subject.node),
        pod_uid: text(&subject.pod_uid),
        container_id: facts.container_id,
        container: text(&subject.container),
        pid: facts.pid,
        severity: told.severity,
        rule: told.rule.to_string(),
        rules: facts.rules,
        action: told.action.unwrap_or(Action::Report),
        exempt_if: facts.exempt_if,
        fingerprint: told.fingerprint.clone(),
        first_seen: record.first_seen,
        last_seen: record.last_seen,
        count: record.count,
        attribution: facts.attribution,
        attribution_reason: facts.attribution_reason,
        resolved_at,
        resolved_reason,
        evidence: Evidence {
            exe: facts.exe,
            exe_flags: facts.exe_flags,
            comm_truncated: facts.comm_truncated,
            sha256: facts.sha256,
            sha256_skipped: facts.sha256_skipped,
            uid: facts.uid,
            started_at: figures.started_at,
            cpu_seconds: figures.cpu_seconds,
            parents: figures.parents,
        },
    })
}

fn reason_of(text: &str) -> Option<ResolvedReason> {
    serde_json::from_value(Value::from(text)).ok()
}

fn as_facts(of: &impl Serialize) -> Facts {
    let value = serde_json::to_value(of).expect("texts and numbers are JSON");
    let Value::Object(map) = value else { return Map::new().into() };
    map.into()
}

fn title(violation: &Violation) -> String {
    let Violation { process, name, node, kind, .. } = violation;
    let kind = match kind {
        SubjectKind::App => "app",
        SubjectKind::Devbox => "devbox",
    };
    match violation.attribution {
        Attribution::Resolved => format!("{process} runs in {kind} {name}"),
        Attribution::Host => format!("{process} runs on node {node}"),
        Attribution::Unresolved => format!("{process} runs in an unknown pod on node {node}"),
    }
}

/// The same for all findings of a rule that were found by the same words, so that it is kept once.
fn description(violation: &Violation) -> Arc<str> {
    let Violation { rule, regex, .. } = violation;
    format!(
        "A process that rule {rule} forbids was found by `{regex}`. See what it does there, and end it; if it is meant to run, \
         exempt it from the rule."
    )
    .into()
}

#[cfg(test)]
mod tests;
