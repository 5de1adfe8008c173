//! Findings of every kind, for tests of what is asked of them.

use std::sync::Arc;

use api::finding::{App, Owner, Source, Subject};
use api::violation::SubjectKind;
use api::{Fingerprint, Severity};
use proptest::prelude::*;

use crate::batch::{Belongs, Told};
use crate::fixture::at;
use crate::record::{Life, Record};
use crate::round::Looks;
use api::Facts;

/// An open finding that was seen once.
pub(crate) fn record(number: u32) -> Record {
    let subject = Subject {
        kind: "process".into(),
        name: "xmrig".into(),
        namespace: Some("ns-shop".into()),
        pod: Some("cart-0".into()),
        pod_uid: None,
        container: Some("web".into()),
        node: Some("worker-3".into()),
    };
    let told = Told {
        fingerprint: Fingerprint::over(["record", &number.to_string()]),
        rule: "miner-name".into(),
        severity: Severity::High,
        action: None,
        title: "xmrig runs".into(),
        description: "A miner.".into(),
        subject,
        belongs: Arc::new(belongs("cart", 1)),
        facts: Facts::default(),
        figures: Facts::default(),
        exemption: None,
    };
    Record {
        source: Source::Process,
        scope: "worker-3".into(),
        told,
        first_seen: at(0),
        last_seen: at(0),
        changed_at: at(0),
        count: 1,
        reopened: 0,
        episode: 1,
        life: Life::Open { silence: None },
        looks: Looks::default(),
        rounds: 1,
        touched: at(0),
    }
}

pub(crate) fn belongs(app: &str, image: u32) -> Belongs {
    let owner = Owner {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "ns-shop".to_owned(),
        name: app.to_owned(),
    };
    let unit = App { kind: SubjectKind::App, name: app.to_owned() };
    Belongs { owner: Some(owner), app: Some(unit), image: Some(format!("sha256:{image:064}")) }
}

/// Records that differ in everything that is filtered and ordered by, of a few values each.
pub(crate) fn any_record() -> impl Strategy<Value = Record> {
    let kinds = (0..4_usize, 0..4_usize, 0..3_u32, 0..3_u32);
    let names = (0..3_u32, 0..3_u32, 0..3_u32, 0..2_u32, any::<bool>());
    let times = (0..5_i64, 0..5_i64, 0..5_i64);
    (0..60_u32, kinds, names, times).prop_map(|(number, kinds, names, times)| {
        let mut made = record(number);
        let (source, severity, life, rule) = kinds;
        let (namespace, app, node, image, bare) = names;
        let (first, last, changed) = times;
        made.source = Source::ALL[source];
        made.told.severity = Severity::ALL[severity];
        made.life = match life {
            0 => Life::Open { silence: None },
            1 => Life::Open { silence: Some("s1".into()) },
            _ => Life::Resolved { at: at(9), reason: "gone".into() },
        };
        made.told.rule = format!("rule-{rule}").into();
        made.told.title = ["xmrig runs", "Größe FEHLT", "runs as Root"][rule as usize].into();
        made.told.subject.namespace = (!bare).then(|| format!("ns-{namespace}").into());
        made.told.subject.node = (!bare).then(|| format!("worker-{node}").into());
        made.told.subject.kind = if bare { "Deployment" } else { "process" }.into();
        made.told.belongs = Arc::new(if bare { Belongs::default() } else { belongs(&format!("app-{app}"), image) });
        made.scope = format!("scope-{node}").into();
        (made.first_seen, made.last_seen, made.changed_at) = (at(first), at(last), at(changed));
        made
    })
}
