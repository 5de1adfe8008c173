//! Blocking at the gateway.

use api::Severity;
use findings::Record;
use serde_json::{Value, json};

use crate::fixture::{Dry, Like, ingress, neighborhood, pod, record, service, skips, words};
use crate::ledger::Ledger;
use crate::plan::{Act, Plan};
use crate::response::{Reason, Response};

fn dry() -> Dry {
    Dry::only(Response::WasmPlugin)
}

fn spec(plan: &Plan) -> Value {
    match plan.steps.as_slice() {
        [step] => match &step.act {
            Act::Apply(manifest) => manifest["spec"].clone(),
            other => panic!("not an apply: {other:?}"),
        },
        other => panic!("not one step: {other:?}"),
    }
}

fn rules(plan: &Plan) -> Vec<Vec<String>> {
    let rules = spec(plan)["matchRules"].as_array().unwrap().clone();
    rules.into_iter().map(|rule| serde_json::from_value(rule["ingress"].clone()).unwrap()).collect()
}

#[test]
fn the_plugin_blocks_the_ingresses_of_the_app_and_nothing_else() {
    let plan = dry().plan(&[record(1)], 60);
    let expected = json!({
        "url": "oci://registry.example/plugins/custom-response:1.0.0",
        "phase": "AUTHN",
        "failStrategy": "FAIL_OPEN",
        "imagePullPolicy": "IfNotPresent",
        "priority": 910,
        "defaultConfigDisable": true,
        "matchRules": [{"ingress": ["ns-shop/cart"], "config": {
            "status_code": 403,
            "headers": ["Content-Type=text/plain; charset=utf-8"],
            "body": "This application is blocked because it breaks the rules of this cluster.",
        }}],
    });
    assert_eq!(spec(&plan), expected);
    assert_eq!(words(&plan), ["apply WasmPlugin/higress-system/keelwatch-block: add ns-shop/cart"]);
}

#[test]
fn an_ingress_that_also_serves_a_clean_app_is_left_alone_and_the_others_are_blocked() {
    let mut dry = dry();
    let mut ground = neighborhood(&[]);
    ground.pods = vec![pod("cart"), pod("clean")];
    ground.services = vec![
        service("cart", &[("app", "cart")]),
        service("cart-api", &[("app", "cart"), ("tier", "web")]),
        service("clean", &[("app", "clean")]),
    ];
    ground.ingresses = vec![
        ingress("one", &["cart"]),
        ingress("two", &["cart-api"]),
        ingress("three", &["cart", "clean"]),
        ingress("other", &["clean"]),
    ];
    dry.ground.insert("ns-shop".to_owned(), ground);
    let plan = dry.plan(&[record(1)], 60);
    assert_eq!(rules(&plan), [["ns-shop/one", "ns-shop/two"]]);
    assert!(skips(&plan).contains(&"wasm_plugin ns-shop/cart shared-ingress".to_owned()));
    dry.settings.wasm_plugin.allow_shared = true;
    assert_eq!(rules(&dry.plan(&[record(1)], 60)), [["ns-shop/one", "ns-shop/three", "ns-shop/two"]]);
}

#[test]
fn an_app_whose_every_ingress_is_shared_or_that_has_none_is_not_blocked() {
    let mut dry = dry();
    let mut shared = neighborhood(&["cart", "clean"]);
    shared.ingresses = vec![ingress("all", &["cart", "clean"])];
    dry.ground.insert("ns-shop".to_owned(), shared);
    let plan = dry.plan(&[record(1)], 60);
    assert_eq!((words(&plan), skips(&plan)[2].as_str()), (vec![], "wasm_plugin ns-shop/cart shared-ingress"));
    let mut none = neighborhood(&["cart"]);
    none.ingresses.clear();
    dry.ground.insert("ns-shop".to_owned(), none);
    assert!(skips(&dry.plan(&[record(1)], 60)).contains(&"wasm_plugin ns-shop/cart no-ingress".to_owned()));
}

#[test]
fn a_service_without_a_selector_or_with_another_one_leads_nowhere() {
    let mut dry = dry();
    let mut ground = neighborhood(&["cart"]);
    ground.services = vec![service("cart", &[("app", "cart"), ("tier", "db")])];
    dry.ground.insert("ns-shop".to_owned(), ground);
    assert_eq!(words(&dry.plan(&[record(1)], 60)), Vec::<String>::new());
}

#[test]
fn an_ingress_of_two_violating_apps_stands_in_the_first_rule_only() {
    let mut dry = dry();
    let mut ground = neighborhood(&["cart", "web"]);
    ground.ingresses.push(ingress("all", &["cart", "web"]));
    dry.ground.insert("ns-shop".to_owned(), ground);
    let records = [record(1), record(2).app("web")];
    assert_eq!(rules(&dry.plan(&records, 60)), [vec!["ns-shop/all", "ns-shop/cart"], vec!["ns-shop/web"]]);
}

#[test]
fn an_app_whose_ingresses_all_stand_in_an_earlier_rule_has_no_rule_without_any() {
    let mut dry = dry();
    // An app whose findings are over is a clean one, with which the other shares its Ingress.
    dry.settings.wasm_plugin.allow_shared = true;
    let mut ground = neighborhood(&["cart", "web"]);
    ground.ingresses = vec![ingress("all", &["cart", "web"])];
    dry.ground.insert("ns-shop".to_owned(), ground);
    let records = [record(1), record(2).app("web")];
    assert_eq!(rules(&dry.plan(&records, 60)), [["ns-shop/all"]]);
    // Once the first is over, the second takes its place, and the object is the same.
    dry.sweep(&records, 60);
    dry.settings.hold = std::time::Duration::ZERO;
    assert_eq!(dry.sweep(&[record(1).resolved(90), record(2).app("web")], 100), Vec::<String>::new());
    let items: Vec<&str> = dry.ledger.items.keys().map(|(_, item)| item.as_str()).collect();
    assert_eq!(items, ["ns-shop/app/web"]);
}

#[test]
fn a_pod_that_is_gone_still_leads_to_its_ingress() {
    let mut dry = dry();
    let ground = dry.ground.get_mut("ns-shop").unwrap();
    ground.pods[0].is_gone = true;
    assert_eq!(rules(&dry.plan(&[record(1)], 60)), [["ns-shop/cart"]]);
}

#[test]
fn rules_are_sorted_and_cut_to_what_one_sweep_and_all_may_hold_worst_first() {
    let mut dry = dry();
    let records: Vec<_> = (0..6)
        .map(|number| {
            let severity = if number == 5 { Severity::Critical } else { Severity::High };
            dry.ground.insert(format!("ns-{number}"), neighborhood(&["cart"]));
            record(number).in_namespace(&format!("ns-{number}")).severity(severity).first_seen(-i64::from(number))
        })
        .collect();
    (dry.settings.wasm_plugin.max_per_sweep, dry.settings.wasm_plugin.max_active) = (2, 4);
    let first = dry.plan(&records, 60);
    assert_eq!(rules(&first), [["ns-4/cart"], ["ns-5/cart"]]);
    assert_eq!(
        skips(&first).into_iter().filter(|skip| skip.starts_with("wasm")).collect::<Vec<_>>(),
        [
            "wasm_plugin ns-0/cart active-limit",
            "wasm_plugin ns-1/cart active-limit",
            "wasm_plugin ns-2/cart per-sweep-limit",
            "wasm_plugin ns-3/cart per-sweep-limit",
        ]
    );
    dry.sweep(&records, 60);
    dry.sweep(&records, 90);
    assert_eq!(dry.sweep(&records, 120), Vec::<String>::new());
    assert_eq!(dry.ledger.in_force_of(Response::WasmPlugin).count(), 4);
}

/// A miner in the app `cart` of each of 500 namespaces.
fn spread(dry: &mut Dry) -> Vec<Record> {
    let mut one = |number| {
        dry.ground.insert(format!("ns-{number}"), neighborhood(&["cart"]));
        record(number).in_namespace(&format!("ns-{number}"))
    };
    (0..500).map(&mut one).collect()
}

#[test]
fn the_spec_stays_within_900_kib_and_later_rules_are_left_out() {
    let mut dry = dry();
    dry.settings.wasm_plugin.body = "x".repeat(2048);
    (dry.settings.wasm_plugin.max_per_sweep, dry.settings.wasm_plugin.max_active) = (1000, 1000);
    let records = spread(&mut dry);
    let plan = dry.plan(&records, 60);
    let spec = spec(&plan);
    let (bytes, rules) = (spec.to_string().len(), spec["matchRules"].as_array().unwrap().len());
    assert!((899 << 10..=900 << 10).contains(&bytes), "{bytes}");
    let left_out = plan.skipped.iter().filter(|skip| skip.reason.as_str() == "object-full").count();
    assert_eq!(rules + left_out, 500);
}

#[test]
fn rules_that_a_longer_body_leaves_no_room_for_go_the_youngest_first_and_come_back_with_a_shorter_one() {
    let mut dry = dry();
    (dry.settings.wasm_plugin.max_per_sweep, dry.settings.wasm_plugin.max_active) = (1000, 1000);
    let records = spread(&mut dry);
    // By name, the younger half comes first.
    dry.sweep(&records[250..], 60);
    dry.sweep(&records, 90);
    let short = std::mem::replace(&mut dry.settings.wasm_plugin.body, "x".repeat(2048));
    let plan = dry.plan(&records, 120);
    let bytes = spec(&plan).to_string().len();
    assert!((899 << 10..=900 << 10).contains(&bytes), "{bytes}");
    let is_full = |skip: &&crate::response::Skip| skip.reason.as_str() == "object-full";
    let left_out: Vec<_> = plan.skipped.iter().filter(is_full).flat_map(|skip| skip.findings.clone()).collect();
    assert_eq!(rules(&plan).len() + left_out.len(), 500);
    assert!(records[250..].iter().all(|record| !left_out.contains(&record.told.fingerprint)));
    dry.sweep(&records, 120);
    assert_eq!(dry.sweep(&records, 150), Vec::<String>::new());
    dry.settings.wasm_plugin.body = short;
    assert_eq!(rules(&dry.plan(&records, 180)).len(), 500);
}

#[test]
fn no_rule_left_means_no_object() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    dry.settings.hold = std::time::Duration::ZERO;
    let resolved = [record(1).resolved(90)];
    assert_eq!(dry.sweep(&resolved, 100), ["undo WasmPlugin/higress-system/keelwatch-block: remove ns-shop/cart"]);
    assert_eq!(dry.ledger, Ledger::default());
    assert_eq!(dry.sweep(&resolved, 130), Vec::<String>::new());
}

#[test]
fn a_changed_setting_changes_the_object_and_another_name_moves_it() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    dry.settings.wasm_plugin.status_code = 451;
    let object = "WasmPlugin/higress-system/keelwatch-block";
    assert_eq!(dry.sweep(&[record(1)], 90), [format!("apply {object}: as in the settings")]);
    dry.settings.wasm_plugin.name = "other".to_owned();
    let other = "WasmPlugin/higress-system/other";
    assert_eq!(dry.sweep(&[record(1)], 120), [format!("apply {other}: as in the settings")]);
    assert_eq!(dry.sweep(&[record(1)], 150), [format!("undo {object}: delete")]);
    assert_eq!(dry.sweep(&[record(1)], 180), Vec::<String>::new());
}

#[test]
fn an_object_of_a_former_name_stays_until_its_successor_is_written() {
    let mut dry = dry();
    dry.sweep(&[record(1)], 60);
    let before = dry.ledger.clone();
    dry.settings.wasm_plugin.gateway_namespace = "elsewhere".to_owned();
    let (other, forbidden) = ("WasmPlugin/elsewhere/keelwatch-block", (Reason::Forbidden, None));
    dry.barred.objects.insert((Response::WasmPlugin, other.to_owned()), forbidden);
    assert_eq!((dry.sweep(&[record(1)], 90), &dry.ledger), (vec![], &before));
    // Nothing is left to block: the former one goes by itself.
    dry.settings.wasm_plugin.enabled = false;
    let undone = ["undo WasmPlugin/higress-system/keelwatch-block: delete"];
    assert_eq!(dry.sweep(&[record(1)], 120), undone);
    assert_eq!(dry.ledger, Ledger::default());
}
