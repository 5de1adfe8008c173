//! Turns a match into the record that is served: a violation.
//!
//! Owns the fields, their bounds and the fingerprint. Tenants choose most of these texts, so every one has a bound, and
//! the encoded record as a whole has one. Matching and redaction are `processes`' job; whose process it is,
//! `attribution` finds out.

use api::violation::{Attribution, AttributionReason, Status, SubjectKind};
use api::{Fingerprint, Time, Violation};
use processes::matches::Match;

use crate::attribution::Whose;
use crate::subject::{LABEL_MAX, NAME_MAX, Subject, ids};

/// When a process was seen, and in how many passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sightings {
    /// For the first time.
    pub first: Time,
    /// For the last time.
    pub last: Time,
    /// Passes that saw it. An exec event is no pass.
    pub count: u64,
}

// Longest texts in bytes. A name, a path and a pattern tell all they can in these; 16 rules on one process are more
// than anybody reads.
const PROCESS_MAX: usize = 255;
/// Most that a node is believed to have counted: beyond it, readers of JSON lose digits.
pub(crate) const COUNT_MAX: u64 = 1 << 53;
/// `processes` cuts command lines to this.
pub(crate) const CMDLINE_MAX: usize = 4 << 10;
const EXE_MAX: usize = 512;
const PARENT_MAX: usize = 64;
const REGEX_MAX: usize = 256;
const RULES_MAX: usize = 16;
const SCOPES_MAX: usize = 8;

/// Largest encoded record: `max_records` = 1,500 of them, with the commas, are 14.7 MiB of the 16 MiB that a controller
/// reads.
pub(crate) const ENCODED_MAX: usize = 10 << 10;

/// What a record may grow by after it was made: `resolved` is 2 bytes longer than `active`, the count goes from 1 digit
/// to 20, `resolved_at` with its time takes 37 and `resolved_reason` with the longest reason 33.
const GROWTH: usize = 96;

/// The open violation of a match on the node of this name, where nobody knows pods.
pub fn record(found: &Match, node: &str, sightings: Sightings) -> Violation {
    let whose = Whose::without_index(node.to_owned());
    let subject = Subject::of(&whose.answer(&found.place), &found.place, node);
    record_of(found, node, sightings, subject)
}

/// The open violation of a match on the node of this name, by this subject.
pub(crate) fn record_of(found: &Match, node: &str, sightings: Sightings, subject: Subject) -> Violation {
    let mut rules: Vec<String> = found.rules.iter().take(RULES_MAX).cloned().collect();
    rules.sort_unstable();
    let mut evidence = found.evidence.clone();
    cut(&mut evidence.exe, EXE_MAX);
    for parent in &mut evidence.parents {
        cut(&mut parent.name, PARENT_MAX);
    }
    let mut violation = Violation {
        pod: String::new(),
        namespace: String::new(),
        process: head(&found.process, PROCESS_MAX).to_owned(),
        cmdline: found.cmdline.clone(),
        regex: head(&found.regex, REGEX_MAX).to_owned(),
        status: Status::Active,
        kind: SubjectKind::App,
        name: String::new(),
        timestamp: sightings.last,
        node: node.to_owned(),
        pod_uid: String::new(),
        container_id: String::new(),
        container: String::new(),
        pid: found.identity.pid,
        severity: found.severity,
        rule: found.rule.clone(),
        rules,
        action: found.action,
        exempt_if: found.exempt_if.iter().take(SCOPES_MAX).cloned().collect(),
        fingerprint: fingerprint(found, node),
        first_seen: sightings.first,
        last_seen: sightings.last,
        count: sightings.count,
        attribution: Attribution::Unresolved,
        attribution_reason: AttributionReason::None,
        resolved_at: None,
        resolved_reason: None,
        evidence,
    };
    attribute(&mut violation, subject);
    violation
}

/// The identity of the record of a match: pod and container as the cgroup path gives them, because their names follow
/// from these and may be learned later.
pub fn fingerprint(found: &Match, node: &str) -> Fingerprint {
    let (pod_uid, container_id) = ids(&found.place);
    let pid = found.identity.pid.to_string();
    let start_ticks = found.identity.start_ticks.to_string();
    Fingerprint::over(["process", &found.rule, node, &found.boot_id, &pid, &start_ticks, pod_uid, container_id])
}

/// Makes a record say this of its pod.
pub(crate) fn attribute(violation: &mut Violation, subject: Subject) {
    subject.put_into(violation);
    fit(violation);
}

/// Brings the encoded record under its bound: the command line goes first, because a scope that is dropped turns an
/// exempted process into a violation.
fn fit(violation: &mut Violation) {
    let excess = excess(violation);
    if excess > 0 {
        shorten(&mut violation.cmdline, excess);
    }
    while self::excess(violation) > 0 && violation.exempt_if.pop().is_some() {}
}

/// Bytes by which the encoded record, grown as far as it can, is over its bound.
fn excess(violation: &Violation) -> usize {
    let encoded = serde_json::to_vec(violation).expect("a record is plain data");
    (encoded.len() + GROWTH).saturating_sub(ENCODED_MAX)
}

/// Cuts at least `excess` encoded bytes off the end and says so with `…`.
fn shorten(text: &mut String, excess: usize) {
    const ELLIPSIS: char = '…';
    let mut freed = 0;
    while freed < excess + ELLIPSIS.len_utf8() {
        let Some(last) = text.pop() else { return };
        freed += encoded_len(last);
    }
    text.push(ELLIPSIS);
}

/// Bytes that JSON takes for this character.
fn encoded_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        control if control < ' ' => 6,
        plain => plain.len_utf8(),
    }
}

/// Cuts every text of a record that somebody else has made to its bound.
pub(crate) fn trim(violation: &mut Violation) {
    const DIGEST: usize = 64;
    const PARENTS: usize = 16;
    const FLAGS: usize = 8;
    let Violation {
        pod, namespace, process, cmdline, regex, name, container, rule, rules, exempt_if, evidence, ..
    } = violation;
    let bounds = [
        (pod, NAME_MAX),
        (namespace, LABEL_MAX),
        (process, PROCESS_MAX),
        (cmdline, CMDLINE_MAX),
        (regex, REGEX_MAX),
        (name, NAME_MAX),
        (container, LABEL_MAX),
        (rule, LABEL_MAX),
        (&mut evidence.exe, EXE_MAX),
    ];
    for (text, max) in bounds {
        cut(text, max);
    }
    rules.truncate(RULES_MAX);
    evidence.parents.truncate(PARENTS);
    evidence.exe_flags.truncate(FLAGS);
    exempt_if.truncate(SCOPES_MAX);
    for rule in rules {
        cut(rule, LABEL_MAX);
    }
    if let Some(digest) = &mut evidence.sha256 {
        cut(digest, DIGEST);
    }
    for parent in &mut evidence.parents {
        cut(&mut parent.name, PARENT_MAX);
    }
}

fn cut(text: &mut String, max: usize) {
    text.truncate(head(text, max).len());
}

/// The first `max` bytes, or fewer so as to end at a character.
pub(crate) fn head(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use api::violation::{ExemptScope, Parent};
    use processes::cgroup;

    use super::*;
    use crate::fixture::{self, Index, NODE, UID};

    #[test]
    fn the_fingerprint_is_that_of_the_contract() {
        let in_a_pod = fixture::in_pod();
        assert_eq!(fingerprint(&in_a_pod, NODE).as_str(), "51c1a2699889f2178cd1d27121a3f655");
        assert_eq!(fingerprint(&fixture::on_host(), NODE).as_str(), "814f470cbb513b1a2f7af0e0392d2d4c");
    }

    #[test]
    fn a_process_of_the_host_is_named_after_the_node() {
        let Violation { attribution, attribution_reason, name, pod, namespace, .. } =
            fixture::record(&fixture::on_host());
        assert_eq!((attribution, attribution_reason), (Attribution::Host, AttributionReason::None));
        assert_eq!((name.as_str(), pod.as_str(), namespace.as_str()), (NODE, "", ""));
    }

    #[test]
    fn a_process_of_a_pod_that_nobody_was_asked_about_is_unresolved_and_named_after_the_uid() {
        let Violation { attribution, attribution_reason, name, pod_uid, .. } = fixture::record(&fixture::in_pod());
        assert_eq!((attribution, attribution_reason), (Attribution::Unresolved, AttributionReason::NoCluster));
        assert_eq!((name.as_str(), pod_uid.as_str()), (UID, UID));
    }

    #[test]
    fn a_container_without_a_pod_uid_gives_its_id_as_the_name() {
        let mut found = fixture::in_pod();
        found.place.candidates[0].pod_uid = None;
        let violation = fixture::record(&found);
        assert_eq!(violation.attribution_reason, AttributionReason::NoPodUid);
        assert_eq!(violation.name, violation.container_id);
    }

    #[test]
    fn a_cgroup_that_says_nothing_is_kept_with_the_reason() {
        for (outcome, reason) in [
            (cgroup::Outcome::UnknownCgroup, AttributionReason::UnknownCgroup),
            (cgroup::Outcome::Unreadable, AttributionReason::CgroupUnreadable),
        ] {
            let mut found = fixture::on_host();
            found.place.outcome = outcome;
            let violation = fixture::record(&found);
            assert_eq!((violation.attribution, violation.attribution_reason), (Attribution::Unresolved, reason));
        }
    }

    #[test]
    fn only_a_process_whose_pod_is_unknown_carries_scopes() {
        let scope: ExemptScope = serde_json::from_value(serde_json::json!({"reason": "known"})).unwrap();
        let scopes = vec![scope; 9];
        let on_host = Match { exempt_if: scopes.clone(), ..fixture::on_host() };
        assert_eq!(fixture::record(&on_host).exempt_if, []);
        let in_pod = Match { exempt_if: scopes.clone(), ..fixture::in_pod() };
        assert_eq!(fixture::record(&in_pod).exempt_if, scopes[..8]);
    }

    #[test]
    fn every_text_is_cut_at_a_character_within_its_bound() {
        let mut found = fixture::in_pod();
        let long = "é".repeat(1000);
        found.process.clone_from(&long);
        found.regex.clone_from(&long);
        found.evidence.exe.clone_from(&long);
        found.evidence.parents =
            vec![Parent { pid: 1, name: format!("x{long}"), started_at: found.evidence.started_at }];
        let violation = fixture::record(&found);
        let lengths =
            [&violation.process, &violation.regex, &violation.evidence.exe, &violation.evidence.parents[0].name]
                .map(String::len);
        assert_eq!(lengths, [254, 256, 512, 63]);
    }

    #[test]
    fn of_many_rules_the_first_sixteen_stay_and_are_sorted() {
        let rules: Vec<String> = (0..20).rev().map(|number| format!("rule-{number:02}")).collect();
        let found = Match { rules, ..fixture::in_pod() };
        let kept: Vec<String> = (4..20).map(|number| format!("rule-{number:02}")).collect();
        assert_eq!(fixture::record(&found).rules, kept);
    }

    #[test]
    fn a_worst_record_is_cut_at_its_command_line_and_fits() {
        let violation = fixture::record(&fixture::worst(7));
        assert!(violation.cmdline.ends_with('…'), "{}", violation.cmdline.len());
        assert_eq!(excess(&violation), 0);
    }

    #[test]
    fn a_worst_record_of_a_worst_pod_is_cut_further_and_fits() {
        let mut whose = Whose::without_index(NODE.to_owned());
        whose.ask(Index::of([fixture::worst_pod()]));
        let found = fixture::worst(7);
        let mut violation = fixture::record(&found);
        let before = violation.cmdline.len();
        attribute(&mut violation, Subject::of(&whose.answer(&found.place), &found.place, NODE));
        assert_eq!((violation.name.len(), excess(&violation)), (253, 0));
        assert!(violation.cmdline.ends_with('…') && violation.cmdline.len() < before, "{}", violation.cmdline.len());
    }

    #[test]
    fn scopes_that_leave_no_room_are_dropped_from_the_end() {
        let scope = ExemptScope {
            namespaces: vec!["n".repeat(63); 40],
            namespace_labels: std::collections::BTreeMap::default(),
            pod_labels: std::collections::BTreeMap::default(),
            images: Vec::new(),
            until: None,
            reason: "known".to_owned(),
        };
        let violation = fixture::record(&Match { exempt_if: vec![scope; 8], ..fixture::in_pod() });
        assert_eq!((violation.exempt_if.len(), excess(&violation)), (3, 0));
    }

    #[test]
    fn a_record_that_fits_keeps_its_command_line_whole() {
        let found = fixture::in_pod();
        assert_eq!(fixture::record(&found).cmdline, found.cmdline);
    }
}
