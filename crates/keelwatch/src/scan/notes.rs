//! What a scan says besides its matches, for people: how much was judged, and what could not be.

use std::time::Duration;

use api::Severity;
use api::coverage::PassCoverage;

use crate::scan::item::{Item, Word};

/// How the scan went, in one line.
pub(crate) fn summary(items: &[Item], coverage: &PassCoverage) -> String {
    let matches: Vec<&Item> = items.iter().filter(|item| item.word == Word::Match).collect();
    let judged = plural(coverage.seen - coverage.unreadable.min(coverage.seen), "process", "processes");
    if matches.is_empty() {
        return format!("clean: {judged} judged, none matches");
    }
    let by_severity: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| (severity, matches.iter().filter(|item| item.violation.severity == severity).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    let matches = plural(matches.len() as u64, "match", "matches");
    format!("{matches} ({}) among {judged} judged", by_severity.join(", "))
}

/// Who scans: root has nobody to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Root,
    Other,
}

/// What may have been missed, a line each.
pub(crate) fn caveats(coverage: &PassCoverage, too_young: usize, user: User) -> Vec<String> {
    let PassCoverage { unreadable, exe_unreadable, cut, host_view, .. } = coverage;
    let mut caveats = Vec::new();
    if too_young > 0 {
        let matches = plural(too_young as u64, "match is", "matches are");
        caveats.push(format!("{matches} too young for a rule's min_age: scan again, or with --watch"));
    }
    if *exe_unreadable > 0 {
        let processes = plural(*exe_unreadable, "process", "processes");
        let advice = match user {
            User::Root => "",
            User::Other => ": run as root to see more",
        };
        caveats.push(format!("exe of {processes} unreadable{advice}"));
    }
    if *unreadable > 0 {
        caveats.push(format!("{} could not be read at all", plural(*unreadable, "process", "processes")));
    }
    if *cut > 0 {
        let lines = plural(*cut, "command line was", "command lines were");
        caveats.push(format!("{lines} longer than processes.cmdline_bytes and judged by the beginning"));
    }
    if !host_view {
        caveats.push("this process table is not the whole host's: only what it shows was judged".to_owned());
    }
    caveats
}

impl User {
    pub(crate) fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::Root } else { Self::Other }
    }
}

/// To the nearest tenth of a second, which is all that a person reads.
pub(crate) fn tenths(duration: Duration) -> Duration {
    Duration::from_millis(100) * u32::try_from((duration.as_millis() + 50) / 100).unwrap_or(u32::MAX)
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::fixture;

    #[test]
    fn a_clean_scan_says_how_many_processes_were_judged() {
        let summary = summary(&fixture::items()[1..], &fixture::coverage());
        assert_eq!(summary, "clean: 612 processes judged, none matches");
    }

    #[test]
    fn matches_are_counted_by_severity_from_the_worst() {
        let mut items = fixture::items();
        items[1].word = Word::Match;
        let summary = summary(&items, &fixture::coverage());
        assert_eq!(summary, "2 matches (1 critical, 1 high) among 612 processes judged");
    }

    #[test]
    fn an_interval_is_told_in_tenths_of_a_second() {
        let told = [500, 2_000, 5_368, 60_000].map(|ms| format!("{:?}", tenths(Duration::from_millis(ms))));
        assert_eq!(told, ["500ms", "2s", "5.4s", "60s"]);
    }

    #[test]
    fn what_may_have_been_missed_is_said() {
        assert_eq!(caveats(&fixture::coverage(), 0, User::Other), [] as [String; 0]);
        let coverage =
            PassCoverage { exe_unreadable: 600, unreadable: 1, cut: 2, host_view: false, ..fixture::coverage() };
        let said = [
            "1 match is too young for a rule's min_age: scan again, or with --watch",
            "exe of 600 processes unreadable: run as root to see more",
            "1 process could not be read at all",
            "2 command lines were longer than processes.cmdline_bytes and judged by the beginning",
            "this process table is not the whole host's: only what it shows was judged",
        ];
        assert_eq!(caveats(&coverage, 1, User::Other), said);
        let as_root = "exe of 600 processes unreadable";
        assert_eq!(caveats(&coverage, 0, User::Root)[0], as_root);
    }
}
