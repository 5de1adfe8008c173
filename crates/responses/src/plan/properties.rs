//! What holds of every plan, whatever is found.

use proptest::prelude::*;

use findings::Record;

use crate::fixture::{Dry, Like, ingress, neighborhood, record, service};
use crate::plan::Act;
use crate::response::Response;

const NAMESPACES: [&str; 5] = ["ns-a", "ns-b", "kube-system", "team-x", "keelwatch"];
const APPS: [&str; 3] = ["cart", "web", "api"];

fn finding() -> impl Strategy<Value = Record> {
    (0_u32..60, 0..NAMESPACES.len(), 0..APPS.len(), 0_u8..8, 0_i64..2000).prop_map(
        |(number, namespace, app, way, seen)| {
            let record = record(number).in_namespace(NAMESPACES[namespace]).app(APPS[app]).first_seen(-seen);
            match way {
                0 => record.resolved(50),
                1 => record.silenced(),
                2 => record.reports(),
                3 => record.looks(&[]),
                4 => record.severity(api::Severity::Critical),
                _ => record,
            }
        },
    )
}

/// Which of three apps each of four Ingresses serves.
fn ground() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(0..APPS.len(), 0..3), 0..4)
}

fn dry(ingresses: &[Vec<usize>]) -> Dry {
    let mut dry = Dry::new();
    dry.settings.protected_namespaces = vec!["team-*".to_owned()];
    dry.settings.hold = std::time::Duration::ZERO;
    for namespace in NAMESPACES {
        let mut ground = neighborhood(&APPS);
        ground.services = APPS.iter().map(|app| service(app, &[("app", app)])).collect();
        ground.ingresses = (0..)
            .zip(ingresses)
            .map(|(number, apps): (usize, _)| {
                let apps: Vec<&str> = apps.iter().map(|app| APPS[*app]).collect();
                ingress(&format!("i-{number}"), &apps)
            })
            .collect();
        dry.ground.insert(namespace.to_owned(), ground);
    }
    dry
}

proptest! {
    #[test]
    fn the_same_input_makes_the_same_bytes_and_a_second_sweep_nothing(
        records in prop::collection::vec(finding(), 0..40), ingresses in ground(),
    ) {
        let mut dry = dry(&ingresses);
        let reversed: Vec<Record> = records.iter().rev().cloned().collect();
        // Of one finding the last record counts, so both orders are cut to the first of each.
        let unique = |records: &[Record]| {
            let mut kept: Vec<Record> = Vec::new();
            for record in records {
                if kept.iter().all(|known| known.told.fingerprint != record.told.fingerprint) {
                    kept.push(record.clone());
                }
            }
            kept
        };
        let records = unique(&records);
        let mut other = records.clone();
        other.sort_by_key(|record| reversed.iter().position(|known| known == record));
        prop_assert_eq!(format!("{:?}", dry.plan(&records, 60)), format!("{:?}", dry.plan(&other, 60)));
        dry.settings.namespace_label.max_per_sweep = 100;
        dry.sweep(&records, 60);
        prop_assert_eq!(dry.sweep(&records, 60), Vec::<String>::new());
    }

    #[test]
    fn no_protected_namespace_is_ever_touched_and_no_rule_is_empty(
        records in prop::collection::vec(finding(), 0..40), ingresses in ground(),
    ) {
        let plan = dry(&ingresses).plan(&records, 60);
        for step in &plan.steps {
            let Act::Apply(manifest) = &step.act else { continue };
            match step.response {
                Response::WasmPlugin => {
                    let rules = manifest["spec"]["matchRules"].as_array().unwrap();
                    let mut all: Vec<&str> = Vec::new();
                    for rule in rules {
                        let ingress = rule["ingress"].as_array().unwrap();
                        prop_assert!(!ingress.is_empty());
                        prop_assert!(rule.get("routeType").is_none());
                        all.extend(ingress.iter().map(|name| name.as_str().unwrap()));
                    }
                    prop_assert!(all.iter().all(|name| name.starts_with("ns-")), "{:?}", all);
                    let mut unique = all.clone();
                    unique.sort_unstable();
                    unique.dedup();
                    prop_assert_eq!(unique.len(), all.len());
                }
                Response::Notification | Response::NamespaceLabel => {
                    prop_assert!(step.object.split('/').nth(1).unwrap().starts_with("ns-"), "{}", step.object);
                }
            }
        }
    }
}
