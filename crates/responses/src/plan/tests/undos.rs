//! When what was done is taken back.

use std::time::Duration;

use crate::fixture::at;
use crate::fixture::{DEAF, Dry, Like, book, record, skips, words};
use crate::plan::{Count, Undo, count};
use crate::response::Response;

/// All three in force for `ns-shop/cart`.
fn acted() -> Dry {
    let mut dry = Dry::new();
    assert_eq!(dry.sweep(&[record(1)], 60).len(), 3);
    dry
}

#[test]
fn a_finding_that_returns_within_the_hold_is_never_undone() {
    let mut dry = acted();
    assert_eq!(dry.sweep(&[record(1).resolved(100)], 130), Vec::<String>::new());
    assert_eq!(dry.sweep(&[record(1).episode(2)], 280), Vec::<String>::new());
    assert_eq!(dry.sweep(&[record(1).episode(2)], 1000), Vec::<String>::new());
    assert!(dry.ledger.items.values().all(|item| item.over.is_none()));
}

#[test]
fn everything_is_undone_once_the_hold_is_over() {
    let mut dry = acted();
    assert_eq!(dry.plan(&[record(1).resolved(100)], 699).steps.len(), 0);
    assert_eq!(dry.plan(&[record(1).resolved(100)], 699).over.values().copied().max(), Some(at(700)));
    assert_eq!(dry.sweep(&[record(1).resolved(100)], 700).len(), 3);
    assert_eq!(dry.ledger, crate::ledger::Ledger::default());
}

#[test]
fn a_silence_an_exemption_and_a_switch_undo_at_once() {
    for record in [record(1).silenced(), record(1).resolved_as(90, "exempt"), record(1).severity(api::Severity::Low)] {
        assert_eq!(acted().sweep(&[record], 90).len(), 3);
    }
    let mut dry = acted();
    (dry.settings.wasm_plugin.enabled, dry.settings.notification.enabled) = (false, false);
    let undone = dry.sweep(&[record(1)], 90);
    assert_eq!(undone.iter().filter(|words| words.starts_with("undo")).count(), 2, "{undone:?}");
}

#[test]
fn a_namespace_that_becomes_protected_is_let_go_at_once() {
    let mut dry = acted();
    dry.settings.protected_namespaces = vec!["ns-*".to_owned()];
    assert_eq!(dry.sweep(&[record(1)], 90).len(), 3);
}

#[test]
fn a_node_that_does_not_answer_or_a_pod_that_is_lost_from_sight_undoes_nothing() {
    let mut dry = acted();
    for record in [record(1).scope(DEAF), record(1).looks(&[]), record(1).attribution("unresolved")] {
        assert_eq!(dry.sweep(&[record], 9000), Vec::<String>::new());
    }
    dry.ground.clear();
    let plan = dry.plan(&[record(1)], 9000);
    assert_eq!(words(&plan), Vec::<String>::new());
    assert_eq!(skips(&plan), ["wasm_plugin ns-shop/cart no-ingress"]);
}

#[test]
fn another_finding_of_the_app_keeps_it_blocked() {
    let mut dry = acted();
    dry.sweep(&[record(1), record(2)], 90);
    let one_left = [record(1).resolved(100), record(2)];
    let changed = dry.sweep(&one_left, 2000);
    assert!(changed.iter().all(|words| words.starts_with("apply Notification/")), "{changed:?}");
}

#[test]
fn nothing_or_only_what_somebody_decided_is_undone_while_sight_is_partial() {
    let over = [record(1).resolved(100)];
    let mut blind = acted();
    blind.undo = Undo::Nothing;
    assert_eq!(blind.sweep(&over, 2000), Vec::<String>::new());
    assert_eq!(blind.sweep(&[record(1).silenced()], 2000), Vec::<String>::new());
    blind.undo = Undo::Deliberate;
    assert_eq!(blind.sweep(&over, 2000), Vec::<String>::new());
    assert_eq!(blind.sweep(&[record(1).silenced()], 2000).len(), 3);
}

#[test]
fn more_than_half_that_is_over_by_itself_is_a_mass_and_one_alone_is_none() {
    let mut dry = Dry::only(Response::NamespaceLabel);
    let name = |number: u32| format!("ns-{number}");
    let open: Vec<_> = (0..3).map(|number| record(number).in_namespace(&name(number))).collect();
    dry.sweep(&open, 60);
    let counted = |resolved: usize| {
        let records: Vec<_> = (0..3)
            .map(|number| {
                let record = record(number).in_namespace(&name(number));
                if (number as usize) < resolved { record.resolved(90) } else { record }
            })
            .collect();
        let (causes, _) = dry.seen(&book(&records), 100);
        count(&dry.ledger, &causes, &dry.settings, at(100))
    };
    let masses = [0, 1, 2, 3].map(|resolved| (counted(resolved), counted(resolved).is_mass()));
    let expected = |over| Count { in_force: 3, over };
    assert_eq!(masses, [(expected(0), false), (expected(1), false), (expected(2), true), (expected(3), true)]);
}

#[test]
fn what_the_ledger_knows_and_no_finding_does_has_the_hold_from_when_that_was_noticed() {
    let mut dry = acted();
    dry.settings.hold = Duration::from_mins(5);
    assert_eq!(dry.sweep(&[], 1000), Vec::<String>::new());
    assert_eq!(dry.sweep(&[], 1299), Vec::<String>::new());
    assert_eq!(dry.sweep(&[], 1300).len(), 3);
}

#[test]
fn a_rehearsal_shows_everything_and_says_so() {
    let mut dry = Dry::new();
    dry.settings.dry_run = true;
    let plan = dry.plan(&[record(1)], 60);
    assert_eq!((plan.steps.len(), skips(&plan).len()), (3, 3));
    assert!(skips(&plan).iter().all(|skip| skip.ends_with("dry-run")));
}
