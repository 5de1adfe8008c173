//! Pages are what a filter and a sort of all findings give, whatever is asked.

use api::Time;
use api::finding::State;
use proptest::prelude::*;

use super::*;
use crate::book::{Book, Stored};
use crate::filter::Filter;
use crate::fixture::{LIMITS, at};
use crate::record::Record;
use crate::records::{any_record, record};
use crate::silence::{Match, Pattern};

fn book(records: Vec<Record>) -> Book {
    Book::restored(LIMITS, Stored { records, ..Stored::default() }, 0)
}

fn some<T: std::fmt::Debug + Clone + 'static>(values: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let most = values.len();
    prop_oneof![3 => Just(Vec::new()), 1 => proptest::sample::subsequence(values, 1..=most)]
}

fn named(texts: &[&str]) -> impl Strategy<Value = Vec<String>> + use<> {
    some(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let kinds = (some(Source::ALL.to_vec()), some(Severity::ALL.to_vec()), some(State::ALL.to_vec()));
    let names = (
        named(&["rule-0", "rule-1", "rule-9"]),
        named(&["ns-0", "ns-1", "ns-9"]),
        named(&["Deployment/ns-shop/app-0", "Deployment/ns-shop/app-1"]),
        named(&["app-0", "app-2"]),
        named(&["worker-0", "worker-1"]),
        named(&[&format!("sha256:{:064}", 1)]),
        named(&["process", "Deployment"]),
    );
    let rest = (
        proptest::option::weighted(0.2, proptest::sample::select(Severity::ALL.to_vec())),
        proptest::option::weighted(0.2, (0..5_i64).prop_map(at)),
        proptest::option::weighted(
            0.3,
            proptest::sample::select(vec!["root", "größe", "xmrig runs", "rule-1", "worker-2", "no"]),
        ),
        some(vec![true, false]),
    );
    (kinds, names, rest).prop_map(|(kinds, names, rest)| {
        let (source, severity, states) = kinds;
        let (rule, namespace, owner, app, node, image, kind) = names;
        let (min_severity, since, text, stale) = rest;
        let q = text.map(str::to_owned);
        Filter {
            source,
            severity,
            state: states,
            stale,
            rule,
            namespace,
            owner,
            app,
            node,
            image,
            kind,
            min_severity,
            since,
            q,
        }
    })
}

/// The same in other words: over the finding as it is served.
fn is_wanted(filter: &Filter, record: &Record) -> bool {
    let told = record.finding(None);
    let any = |wanted: &[String], text: Option<&str>| {
        wanted.is_empty() || text.is_some_and(|text| wanted.iter().any(|wanted| wanted == text))
    };
    let owner = told.owner.as_ref().map(|owner| format!("{}/{}/{}", owner.kind, owner.namespace, owner.name));
    let subject = &told.subject;
    let texts = [
        Some(&*told.title),
        Some(&told.rule),
        Some(&subject.name),
        subject.namespace.as_deref(),
        subject.pod.as_deref(),
    ];
    let texts = texts.into_iter().chain([subject.container.as_deref(), subject.node.as_deref()]).flatten();
    let mut texts = texts.map(str::to_lowercase);
    (filter.source.is_empty() || filter.source.contains(&told.source))
        && (filter.severity.is_empty() || filter.severity.contains(&told.severity))
        && (filter.state.is_empty() || filter.state.contains(&told.state))
        && (filter.stale.is_empty() || filter.stale.contains(&told.stale))
        && any(&filter.rule, Some(&told.rule))
        && any(&filter.namespace, subject.namespace.as_deref())
        && any(&filter.owner, owner.as_deref())
        && any(&filter.app, told.app.as_ref().map(|app| &*app.name))
        && any(&filter.node, subject.node.as_deref())
        && any(&filter.image, told.image.as_deref())
        && any(&filter.kind, Some(&subject.kind))
        && filter.min_severity.is_none_or(|least| told.severity >= least)
        && filter.since.is_none_or(|since| told.first_seen >= since)
        && filter.q.as_ref().is_none_or(|q| texts.any(|text| text.contains(q)))
}

/// In other words, too.
fn in_order(mut found: Vec<Record>, sort: Sort) -> Vec<Fingerprint> {
    found.sort_by(|one, other| {
        let times = |pick: fn(&Record) -> Time| pick(one).cmp(&pick(other));
        let ranked = match sort.by {
            By::Severity => {
                let worst = other.told.severity.cmp(&one.told.severity);
                worst.then_with(|| times(|record| record.first_seen))
            }
            By::FirstSeen => times(|record| record.first_seen),
            By::LastSeen => times(|record| record.last_seen),
            By::ChangedAt => times(|record| record.changed_at),
        };
        let ranked = if sort.descending { ranked.reverse() } else { ranked };
        ranked.then_with(|| one.told.fingerprint.cmp(&other.told.fingerprint))
    });
    found.into_iter().map(|record| record.told.fingerprint).collect()
}

proptest! {
    #[test]
    fn the_pages_of_a_list_are_a_filter_and_a_sort_of_all_findings(
        records in proptest::collection::vec(any_record(), 0..80),
        filter in any_filter(),
        sort in proptest::sample::select(Sort::WORDS.map(|(_, sort)| sort).to_vec()),
        limit in 1..9_usize,
    ) {
        let book = book(records);
        let expected: Vec<Record> = book.records().filter(|record| is_wanted(&filter, record)).cloned().collect();
        let mut counts = Counts::default();
        for record in &expected {
            counts.severities[record.told.severity as usize] += 1;
            counts.sources[record.source as usize] += 1;
        }
        let of_one: Vec<bool> = book.records().map(|record| filter.matches(record, false)).collect();
        let of_one_expected: Vec<bool> = book.records().map(|record| is_wanted(&filter, record)).collect();
        prop_assert_eq!(of_one, of_one_expected);
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let selected = select(filter.over(&book), sort, after.take(), limit);
            prop_assert_eq!(selected.counts, counts);
            prop_assert!(selected.keys.len() == limit || !selected.has_more);
            after = selected.keys.last().cloned();
            pages.extend(selected.keys.into_iter().map(|key| key.fingerprint));
            if !selected.has_more {
                break;
            }
        }
        prop_assert_eq!(pages, in_order(expected, sort));
    }

    #[test]
    fn what_a_silence_means_over_all_is_what_it_means_of_each(
        records in proptest::collection::vec(any_record(), 0..80),
        patterns in proptest::collection::vec(
            proptest::option::of(proptest::sample::select(vec!["rule-*", "rule-1", "ns-*", "app-1", "worker-*", "process", "1*", "Deployment/*"])),
            8,
        ),
        source in proptest::option::of(proptest::sample::select(Source::ALL.to_vec())),
    ) {
        let mut patterns = patterns.into_iter().map(|text| text.map(|text| text.parse::<Pattern>().unwrap()));
        let mut next = || patterns.next().flatten();
        let matches = Match {
            source,
            rule: next(),
            namespace: next(),
            owner: next(),
            app: next(),
            node: next(),
            image: next(),
            kind: next(),
            fingerprint: next(),
        };
        let book = book(records);
        let open = book.records().filter(|record| record.state() != State::Resolved);
        let expected = open.filter(|record| matches.matches(record.source, &record.told)).count();
        prop_assert_eq!(select(matches.over(&book), Sort::default(), None, 0).counts.all(), expected as u64);
    }
}

#[test]
fn the_worst_come_first_and_of_equal_ones_the_oldest() {
    let of = |number, severity, first| {
        let mut made = record(number);
        (made.told.severity, made.first_seen) = (severity, at(first));
        made
    };
    let records = vec![
        of(1, Severity::Low, 0),
        of(2, Severity::Critical, 9),
        of(3, Severity::Critical, 5),
        of(4, Severity::Medium, 1),
    ];
    let book = book(records);
    let numbers = |sort: &str| -> Vec<u32> {
        let (_, sort) = Sort::WORDS.into_iter().find(|(word, _)| *word == sort).unwrap();
        let keys = select(Filter::default().over(&book), sort, None, 10).keys;
        let number = |key: Key| (1..5).find(|number| record(*number).told.fingerprint == key.fingerprint).unwrap();
        keys.into_iter().map(number).collect()
    };
    assert_eq!(numbers("severity"), [3, 2, 4, 1]);
    assert_eq!(numbers("-severity"), [1, 4, 2, 3]);
    assert_eq!(numbers("first_seen"), [1, 4, 3, 2]);
    assert_eq!(numbers("-first_seen"), [2, 3, 4, 1]);
}
