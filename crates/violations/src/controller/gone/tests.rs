//! Nodes that leave, alone and together.

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const PATIENCE: Patience = Patience { gone_after: Duration::from_mins(10), gone_share: 0.2 };

/// So many nodes, missing for so many minutes each; the numbers of those that are gone, that are asked for, and suspicion.
#[track_caller]
fn check(missing: &[u32], known: usize, expected: (&[usize], &[usize], bool)) {
    let node = |number: usize| format!("n{number}");
    let all = missing.iter().enumerate();
    let missing = all.map(|(number, minutes)| Missing { node: node(number), since: MINUTE * *minutes }).collect();
    let (gone, to_ask, is_suspect) = expected;
    let names = |numbers: &[usize]| numbers.iter().copied().map(node).collect();
    let expected = Verdict { gone: names(gone), to_ask: names(to_ask), is_suspect };
    assert_eq!(judge(missing, known, PATIENCE), expected);
}

#[test]
fn one_of_three_is_gone_after_ten_minutes() {
    check(&[9], 3, (&[], &[], false));
    check(&[10], 3, (&[0], &[], false));
}

#[test]
fn forty_of_a_hundred_that_leave_together_are_not_believed() {
    check(&[9; 40], 100, (&[], &[], false));
    let all: Vec<usize> = (0..40).collect();
    check(&[10; 40], 100, (&[], &all, true));
}

#[test]
fn twenty_of_a_hundred_are_believed_and_one_more_is_not() {
    let twenty: Vec<usize> = (0..20).collect();
    check(&[10; 20], 100, (&twenty, &[], false));
    let one_more: Vec<usize> = (0..21).collect();
    check(&[10; 21], 100, (&[], &one_more, true));
}

#[test]
fn those_that_vanished_later_count_too() {
    check(&[10, 1, 1], 10, (&[], &[0], true));
}

#[test]
fn after_a_day_a_node_is_gone_whatever_else_is_missing() {
    check(&[24 * 60, 10, 1], 3, (&[0], &[1], true));
}
