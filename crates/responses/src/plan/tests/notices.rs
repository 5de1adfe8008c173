//! Telling tenants.

use std::time::Duration;

use api::Severity;
use findings::Record;
use serde_json::json;

use crate::fixture::{Dry, Like, at, fingerprint, record, words};
use crate::ledger::{Content, Stand};
use crate::plan::{Act, Plan, notification};
use crate::response::Response;
use crate::settings::{Language, OnResolve};

const OBJECT: &str = "Notification/ns-shop/keelwatch-7d2434324b358635";

fn dry() -> Dry {
    Dry::only(Response::Notification)
}

fn spec(plan: &Plan) -> serde_json::Value {
    let Act::Apply(manifest) = &plan.steps[0].act else { panic!("not an apply") };
    manifest["spec"].clone()
}

#[test]
fn the_name_is_of_the_namespace_and_the_beginning_of_the_episode() {
    assert_eq!(notification::name_of("ns-shop", at(0)), "keelwatch-7d2434324b358635");
}

#[test]
fn a_tenant_is_told_once_with_names_of_rules_apps_and_processes() {
    let mut dry = dry();
    let records =
        [record(1), record(2), record(3).app("web").process("sh").rule("reverse-shell").severity(Severity::Medium)];
    let reference = &fingerprint(1).as_str()[..8].to_owned();
    let oldest = records.iter().map(|record| record.told.fingerprint.clone()).min().unwrap();
    let reference = if oldest == fingerprint(1) { reference.clone() } else { oldest.as_str()[..8].to_owned() };
    let expected = json!({
        "title": "Forbidden processes in ns-shop",
        "message": format!(
            "3 process(es) in cart ×2, web break the rules of this cluster: sh (reverse-shell), xmrig (miner-name) ×2. \
             Stop them or contact the operator. Reference {reference}."
        ),
        "timestamp": 1_795_235_462,
        "from": "Keelwatch",
        "importance": "High",
    });
    let plan = dry.plan(&records, 60);
    assert_eq!((spec(&plan), plan.steps[0].object.as_str()), (expected, OBJECT));
    dry.sweep(&records, 60);
    assert_eq!(dry.sweep(&records, 90), Vec::<String>::new());
}

#[test]
fn a_change_is_told_with_its_time_and_the_name_stays() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    let more = [record(1).resolved(70), record(2).first_seen(65)];
    let plan = dry.plan(&more, 90);
    assert_eq!((plan.steps[0].object.as_str(), &spec(&plan)["timestamp"]), (OBJECT, &json!(1_795_235_492)));
}

#[test]
fn the_languages_stand_side_by_side_and_the_popup_only_if_wanted() {
    let mut dry = dry();
    dry.settings.notification.language = Language::Both;
    dry.settings.notification.desktop_popup = true;
    let spec = spec(&dry.plan(&[record(1)], 60));
    assert_eq!(spec["title"], "Forbidden processes in ns-shop / 命名空间 ns-shop 中有违规进程");
    let message = spec["message"].as_str().unwrap();
    assert!(
        message.starts_with("1 process(es) in cart break") && message.contains("\n\ncart 中有 1 个进程违反集群规则"),
        "{message}"
    );
    assert_eq!(spec["desktopPopup"], true);
}

#[test]
fn a_message_has_2000_characters_at_most_and_names_are_escaped() {
    let many: Vec<Record> =
        (0..300).map(|number| record(number).process(&format!("<b>{number}\u{202e}{}", "é".repeat(253)))).collect();
    let spec = spec(&dry().plan(&many, 60));
    let message = spec["message"].as_str().unwrap();
    assert!(message.chars().count() <= 2000, "{}", message.chars().count());
    assert!(!message.contains('<') && !message.contains('\u{202e}') && message.contains("… (+288)"), "{message}");
}

#[test]
fn one_namespace_never_reads_of_another() {
    let plan = dry().plan(&[record(1), record(2).in_namespace("ns-b").app("secret")], 60);
    for step in &plan.steps {
        let Act::Apply(manifest) = &step.act else { panic!("not an apply") };
        let is_of_shop = step.object.starts_with("Notification/ns-shop/");
        assert_eq!(manifest.to_string().contains("secret"), !is_of_shop);
    }
    assert_eq!(plan.steps.len(), 2);
}

#[test]
fn what_is_over_is_deleted_after_the_hold_or_marked_and_deleted_later() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    let over = [record(1).resolved(100)];
    assert_eq!(dry.sweep(&over, 699), Vec::<String>::new());
    let mut marking = dry.clone();
    assert_eq!(dry.sweep(&over, 700), [format!("undo {OBJECT}: delete")]);
    assert_eq!(dry.ledger, crate::ledger::Ledger::default());
    marking.settings.notification.on_resolve = OnResolve::Mark;
    let spec = spec(&marking.plan(&over, 700));
    assert_eq!(
        (&spec["title"], &spec["importance"]),
        (&json!("[resolved] Forbidden processes in ns-shop"), &json!("Low"))
    );
    assert_eq!(marking.sweep(&over, 700), [format!("undo {OBJECT}: mark")]);
    assert_eq!(marking.ledger.items.values().next().unwrap().stand, Stand::Marked(at(700)));
    assert_eq!(marking.sweep(&over, 800), Vec::<String>::new());
    assert_eq!(marking.sweep(&over, 700 + 168 * 3600), [format!("undo {OBJECT}: delete")]);
}

#[test]
fn a_later_episode_is_a_new_message_and_the_same_finding_goes_on_in_its_own() {
    let mut dry = dry();
    dry.settings.hold = Duration::ZERO;
    dry.settings.notification.on_resolve = OnResolve::Mark;
    dry.sweep(&[record(1)], 60);
    dry.sweep(&[record(1).resolved(100)], 100);
    let later = dry.plan(&[record(1).resolved(100), record(2).first_seen(200)], 200);
    assert_eq!(words(&later).len(), 1);
    assert!(later.steps[0].object != OBJECT && later.steps[0].object.starts_with("Notification/ns-shop/keelwatch-"));
    // A finding that was opened again keeps its first sight, so its message is the same one, told again.
    assert_eq!(dry.sweep(&[record(1).episode(2)], 200), [format!("apply {OBJECT}: Forbidden processes in ns-shop")]);
    let items: Vec<_> = dry.ledger.items.values().collect();
    assert!(matches!((items.len(), &items[0].content, items[0].stand), (1, Content::Message(_), Stand::InForce)));
}

#[test]
fn a_finding_that_only_reports_is_told_to_its_tenant() {
    assert_eq!(words(&dry().plan(&[record(1).reports()], 60)).len(), 1);
}
