//! Messages that never happened, for checking templates: one with everything there can be, one with nothing that need not be.

use api::finding::{App, Finding, Owner, Source, State, Subject};
use api::violation::SubjectKind;
use api::{Action, Facts, Fingerprint, Severity, Time};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::message::{Group, Happened, Item, Message};

/// 2026-11-21T04:30:02Z.
const OPENED: Timestamp = Timestamp::constant(1_795_235_402, 0);
/// An hour later.
const RESOLVED: Timestamp = Timestamp::constant(1_795_239_002, 0);

/// What is sent of each sample; all have the same keys.
pub(crate) fn bodies() -> [Value; 3] {
    let sent_at = Time::of(RESOLVED);
    let body = |event, finding: Finding, namespace: &str, app: &str, cluster: &str| {
        let group = Group { source: finding.source, namespace: namespace.to_owned(), app: app.to_owned() };
        Message::of(event, group, vec![Item { finding, episode: 1 }], &[]).body(cluster, sent_at)
    };
    [
        body(Happened::Opened, full(), "ns-shop", "cart", "production"),
        body(Happened::Repeated, full(), "ns-shop", "cart", "production"),
        body(Happened::Resolved, bare(), "", "", ""),
    ]
}

/// Texts hold what would break JSON if it were not escaped.
fn full() -> Finding {
    let evidence = json!({"cmdline": ["./xmrig", "-o", "\"pool\"\n"], "pid": 41233});
    let subject = Subject {
        kind: "process".into(),
        name: "xm\"rig\\".into(),
        namespace: Some("ns-shop".into()),
        pod: Some("cart-0".into()),
        pod_uid: Some("8712f785-1a3e-41ec-a00b-e2dcc77431cb".into()),
        container: Some("main".into()),
        node: Some("worker-3".into()),
    };
    let owner = Owner {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "ns-shop".to_owned(),
        name: "cart".to_owned(),
    };
    Finding {
        action: Some(Action::Report),
        title: "\"xmrig\" runs\n".to_owned(),
        subject,
        owner: Some(owner),
        app: Some(App { kind: SubjectKind::App, name: "cart".to_owned() }),
        image: Some(format!("sha256:{}", "4f1c".repeat(16))),
        stale: true,
        stale_since: Some(Time::of(OPENED)),
        stale_reason: Some("timeout".to_owned()),
        evidence: evidence.as_object().cloned().unwrap_or_default().into(),
        ..bare()
    }
}

/// A finding about a host, which is over.
fn bare() -> Finding {
    Finding {
        fingerprint: Fingerprint::over(["sample"]),
        source: Source::Process,
        rule: "miner-name".to_owned(),
        severity: Severity::High,
        action: None,
        state: State::Resolved,
        stale: false,
        title: "xmrig runs".to_owned(),
        description: String::new(),
        subject: Subject {
            kind: "process".into(),
            name: "xmrig".into(),
            namespace: None,
            pod: None,
            pod_uid: None,
            container: None,
            node: None,
        },
        owner: None,
        app: None,
        image: None,
        first_seen: Time::of(OPENED),
        last_seen: Time::of(OPENED),
        changed_at: Time::of(RESOLVED),
        count: 1,
        reopened: 0,
        resolved_at: Some(Time::of(RESOLVED)),
        resolved_reason: Some("process-gone".to_owned()),
        stale_since: None,
        stale_reason: None,
        silence: None,
        evidence: Facts::default(),
    }
}
