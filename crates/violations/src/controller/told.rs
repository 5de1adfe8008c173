//! What a node says of one process: its record, or that of a former agent with nine fields.
//!
//! Owns what is accepted and what a former record becomes. Whether it is believed, `trust` says.

use api::violation::{Attribution, AttributionReason, Evidence, ExemptScope, ResolvedReason, Status, SubjectKind};
use api::{Action, ContainerId, Fingerprint, PodUid, Severity, Time, Violation};
use processes::redact::Redactor;
use serde::Deserialize;

use crate::record::{CMDLINE_MAX, COUNT_MAX, trim};

/// Id of the rule of all former records.
const LEGACY: &str = "legacy";

/// A record that cannot be read or says what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record is malformed")]
pub(crate) struct Malformed;

/// Reads the records of one node.
pub(crate) struct Reader<'a> {
    /// The node that was asked: it speaks for itself only.
    pub(crate) node: &'a str,
    /// Nothing was seen later than this.
    pub(crate) now: Time,
    /// Former agents send command lines as they ran.
    pub(crate) redactor: &'a Redactor,
}

/// Both forms: what only records of today have is optional.
#[derive(Deserialize)]
struct Wire {
    pod: String,
    namespace: String,
    process: String,
    cmdline: String,
    regex: String,
    status: Status,
    #[serde(rename = "type")]
    kind: SubjectKind,
    name: String,
    timestamp: Time,
    fingerprint: Option<Fingerprint>,
    pod_uid: Option<String>,
    container_id: Option<String>,
    container: Option<String>,
    pid: Option<u32>,
    severity: Option<Severity>,
    rule: Option<String>,
    rules: Option<Vec<String>>,
    action: Option<Action>,
    #[serde(default)]
    exempt_if: Vec<ExemptScope>,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    count: Option<u64>,
    attribution: Option<Attribution>,
    attribution_reason: Option<AttributionReason>,
    resolved_at: Option<Time>,
    resolved_reason: Option<ResolvedReason>,
    evidence: Option<Evidence>,
}

impl Reader<'_> {
    /// The record that this text is.
    pub(crate) fn read(&self, text: &[u8]) -> Result<Violation, Malformed> {
        let wire: Wire = serde_json::from_slice(text).map_err(|_| Malformed)?;
        let mut violation =
            if wire.fingerprint.is_some() { self.present(wire).ok_or(Malformed)? } else { self.former(wire) };
        if has_nul(&violation) {
            return Err(Malformed);
        }
        self.clamp(&mut violation);
        trim(&mut violation);
        Ok(violation)
    }

    fn present(&self, wire: Wire) -> Option<Violation> {
        let (pod_uid, container_id) = (wire.pod_uid?, wire.container_id?);
        let are_ids = (pod_uid.is_empty() || pod_uid.parse::<PodUid>().is_ok())
            && (container_id.is_empty() || container_id.parse::<ContainerId>().is_ok());
        let says_what = !wire.regex.is_empty() && !wire.rule.as_ref()?.is_empty();
        if !are_ids || !says_what {
            return None;
        }
        Some(Violation {
            pod: wire.pod,
            namespace: wire.namespace,
            process: wire.process,
            cmdline: wire.cmdline,
            regex: wire.regex,
            status: wire.status,
            kind: wire.kind,
            name: wire.name,
            timestamp: wire.last_seen?,
            node: self.node.to_owned(),
            pod_uid,
            container_id,
            container: wire.container?,
            pid: wire.pid?,
            severity: wire.severity?,
            rule: wire.rule?,
            rules: wire.rules?,
            action: wire.action.unwrap_or(Action::Report),
            exempt_if: wire.exempt_if,
            fingerprint: wire.fingerprint?,
            first_seen: wire.first_seen?,
            last_seen: wire.last_seen?,
            count: wire.count?,
            attribution: wire.attribution?,
            attribution_reason: wire.attribution_reason?,
            resolved_at: wire.resolved_at,
            resolved_reason: wire.resolved_reason,
            evidence: wire.evidence?,
        })
    }

    /// A former agent knew its pod, or it did not send the record. It says neither how bad it is nor by which rule.
    fn former(&self, wire: Wire) -> Violation {
        let Wire { pod, namespace, process, cmdline, regex, status, kind, name, timestamp, .. } = wire;
        let fields = ["process", LEGACY, self.node, &namespace, &pod, &process, &regex];
        let fingerprint = Fingerprint::over(fields);
        let attribution = if pod.is_empty() { Attribution::Unresolved } else { Attribution::Resolved };
        let attribution_reason = if pod.is_empty() { AttributionReason::NoPodUid } else { AttributionReason::None };
        let words = cmdline.split_whitespace().map(str::as_bytes);
        Violation {
            cmdline: self.redactor.line(words, CMDLINE_MAX),
            // Keywords of former agents came without a text.
            regex: if regex.is_empty() { process.clone() } else { regex },
            process: self.redactor.text(process.as_bytes()),
            pod,
            namespace,
            status,
            kind,
            name,
            timestamp,
            node: self.node.to_owned(),
            pod_uid: String::new(),
            container_id: String::new(),
            container: String::new(),
            pid: 0,
            severity: Severity::Medium,
            rule: LEGACY.to_owned(),
            rules: vec![LEGACY.to_owned()],
            action: Action::Report,
            exempt_if: Vec::new(),
            fingerprint,
            first_seen: timestamp,
            last_seen: timestamp,
            count: 1,
            attribution,
            attribution_reason,
            resolved_at: None,
            resolved_reason: None,
            evidence: Evidence {
                exe: String::new(),
                exe_flags: Vec::new(),
                comm_truncated: false,
                sha256: None,
                sha256_skipped: None,
                uid: None,
                started_at: timestamp,
                cpu_seconds: 0.0,
                parents: Vec::new(),
            },
        }
    }

    /// A clock that is ahead has seen nothing that is still to come, and nobody has counted so far.
    fn clamp(&self, violation: &mut Violation) {
        let Violation { timestamp, first_seen, last_seen, count, resolved_at, evidence, .. } = violation;
        *count = (*count).min(COUNT_MAX);
        for time in [timestamp, first_seen, last_seen, &mut evidence.started_at] {
            *time = (*time).min(self.now);
        }
        if let Some(time) = resolved_at {
            *time = (*time).min(self.now);
        }
        *first_seen = (*first_seen).min(*last_seen);
    }
}

/// Texts go into databases and headers, which take no NUL.
fn has_nul(violation: &Violation) -> bool {
    let Violation {
        pod, namespace, process, cmdline, regex, name, container, rule, rules, exempt_if, evidence, ..
    } = violation;
    let own = [pod, namespace, process, cmdline, regex, name, container, rule, &evidence.exe];
    let parents = evidence.parents.iter().map(|parent| &parent.name);
    let scopes = exempt_if.iter().flat_map(|scope| scope.namespaces.iter().chain(&scope.images).chain([&scope.reason]));
    let mut texts = own.into_iter().chain(rules).chain(&evidence.sha256).chain(parents).chain(scopes);
    texts.any(|text| text.contains('\0'))
}

#[cfg(test)]
mod tests;
