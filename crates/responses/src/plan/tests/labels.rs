//! Labeling namespaces.

use serde_json::json;

use crate::fixture::{Dry, Like, record, skips, words};
use crate::ledger::Stand;
use crate::plan::Act;
use crate::response::{Reason, Response};

fn dry() -> Dry {
    Dry::only(Response::NamespaceLabel)
}

#[test]
fn a_namespace_gets_the_labels_and_the_rules_that_asked() {
    let plan = dry().plan(&[record(1), record(2).rule("shell")], 60);
    assert_eq!(words(&plan), ["apply Namespace/ns-shop: clawcloud.run/status=locked"]);
    let manifest = json!({"metadata": {
        "labels": {"clawcloud.run/status": "locked"},
        "annotations": {"keelwatch.io/response": "miner-name,shell"},
    }});
    assert_eq!(plan.steps[0].act, Act::Apply(manifest));
}

#[test]
fn thirty_new_namespaces_are_labeled_three_a_sweep() {
    let mut dry = dry();
    let records: Vec<_> = (0..30).map(|number| record(number).in_namespace(&format!("ns-{number:02}"))).collect();
    let plan = dry.plan(&records, 60);
    let limited = plan.skipped.iter().filter(|skip| skip.reason == Reason::PerSweepLimit).count();
    let beyond = plan.skipped.iter().filter(|skip| skip.reason == Reason::ActiveLimit).count();
    assert_eq!((plan.steps.len(), limited, beyond), (3, 17, 10));
    dry.settings.namespace_label.max_active = 1000;
    let plan = dry.plan(&records, 60);
    let limited = plan.skipped.iter().filter(|skip| skip.reason == Reason::PerSweepLimit).count();
    assert_eq!((plan.steps.len(), limited), (3, 27));
    for sweep in 1..=10 {
        assert_eq!(dry.sweep(&records, 60 + 30 * sweep).len(), 3);
    }
    assert_eq!(dry.sweep(&records, 600), Vec::<String>::new());
}

#[test]
fn labels_are_released_when_it_is_over() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    let plan = dry.plan(&[record(1).resolved(90)], 690);
    assert_eq!(
        (words(&plan), &plan.steps[0].act),
        (vec!["undo Namespace/ns-shop: remove clawcloud.run/status".to_owned()], &Act::Release)
    );
}

#[test]
fn a_conflict_ends_it_until_the_next_episode() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    for item in dry.ledger.items.values_mut() {
        item.stand = Stand::Refused;
    }
    let same = dry.plan(&[record(1)], 90);
    assert_eq!(words(&same), Vec::<String>::new());
    assert!(skips(&same).contains(&"namespace_label ns-shop/cart conflict".to_owned()));
    let next = dry.plan(&[record(1).episode(2)], 90);
    assert!(words(&next).is_empty(), "what is written is as wanted already");
    dry.ledger.objects.clear();
    assert_eq!(words(&dry.plan(&[record(1).episode(2)], 90)), ["apply Namespace/ns-shop: clawcloud.run/status=locked"]);
    // It is over and nothing was ever written: nothing is to be taken back.
    assert_eq!(dry.sweep(&[record(1).resolved(90)], 690), Vec::<String>::new());
    assert!(dry.ledger.items.is_empty());
}

#[test]
fn a_critical_finding_in_kube_system_is_never_acted_on() {
    let critical = record(1).in_namespace("kube-system").severity(api::Severity::Critical);
    let plan = Dry::new().plan(&[critical], 60);
    assert_eq!(words(&plan), Vec::<String>::new());
    let expected = ["namespace_label", "notification", "wasm_plugin"];
    assert_eq!(skips(&plan), expected.map(|response| format!("{response} kube-system/cart protected-namespace")));
}

#[test]
fn a_rule_that_reports_labels_and_blocks_nothing() {
    let plan = Dry::new().plan(&[record(1).reports()], 60);
    let told = ["apply Notification/ns-shop/keelwatch-7d2434324b358635: Forbidden processes in ns-shop"];
    assert_eq!(words(&plan), told);
    let expected = ["namespace_label", "wasm_plugin"];
    assert_eq!(skips(&plan), expected.map(|response| format!("{response} ns-shop/cart rule-does-not-ask")));
}
