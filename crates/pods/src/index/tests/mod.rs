//! The index by its verbs and answers.

mod history;
mod keys;
mod model;
mod owners;
mod records;

use super::*;
use crate::Settings;
use crate::fixture::{Like as _, pod};
use crate::json::{self, Detail};
use crate::key::Asked;
use crate::wire::LookupKey;

/// An index with what it told.
struct Told {
    index: Index,
    now: Moment,
    changes: Vec<String>,
}

impl Told {
    fn new() -> Self {
        Self::with(&Settings::default())
    }

    fn with(settings: &Settings) -> Self {
        let now = Moment { wall: 1_767_225_600, monotonic: 1000 };
        Self { index: Index::new(settings.caps(), settings.keep()), now, changes: Vec::new() }
    }

    fn seen(&mut self, pod: &objects::Pod) -> Applied {
        let changes = &mut self.changes;
        self.index.apply(pod, self.now, &mut |change| changes.push(words(change)))
    }

    fn gone(&mut self, pod: &objects::Pod) {
        let changes = &mut self.changes;
        self.index.delete(pod, self.now, &mut |change| changes.push(words(change)));
    }

    fn relist<'a>(&mut self, pods: impl IntoIterator<Item = &'a objects::Pod>) {
        self.index.begin();
        for pod in pods {
            self.seen(pod);
        }
        let changes = &mut self.changes;
        self.index.end(self.now, &mut |change| changes.push(words(change)));
    }

    fn pass(&mut self, seconds: u32) {
        self.now.wall += seconds;
        self.now.monotonic += seconds;
        self.index.expire(self.now);
    }

    /// `A`, `A deleted`, or what is wrong.
    fn ask(&self, key: &LookupKey) -> String {
        match self.index.ask(&Asked::read(key.clone()).unwrap().key, self.now).1 {
            Found::Live(view) => view.uid().to_string(),
            Found::Tombstone(view) => format!("{} deleted", view.uid()),
            Found::Missing => "none".to_owned(),
            Found::Ambiguous(count) => format!("{count} begin so"),
        }
    }

    fn uid(&self, uid: &str) -> String {
        self.ask(&LookupKey { uid: Some(uid.to_owned()), ..LookupKey::default() })
    }

    fn ip(&self, ip: &str) -> String {
        self.ask(&LookupKey { ip: Some(ip.to_owned()), ..LookupKey::default() })
    }

    fn container(&self, container: &str) -> String {
        self.ask(&LookupKey { container: Some(container.to_owned()), ..LookupKey::default() })
    }

    fn name(&self, name: &str) -> String {
        let (namespace, name) = (Some("shop".to_owned()), Some(name.to_owned()));
        self.ask(&LookupKey { namespace, name, ..LookupKey::default() })
    }

    /// The changes since the last call.
    fn changes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.changes)
    }

    /// The pod of this name, as it is served.
    fn full(&self, name: &str) -> crate::wire::Pod {
        let key = Key::Name { namespace: "shop".into(), name: name.into() };
        let rule = Settings::default().app_rule();
        match self.index.ask(&key, self.now).1 {
            Found::Live(view) => serde_json::from_str(&json::pod(&view, Detail::Full(&rule))).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn words(change: Change<'_>) -> String {
    match change {
        Change::Added(view) => format!("+{}", view.uid()),
        Change::Modified { after, .. } => format!("~{}", after.uid()),
        Change::Deleted(view) => format!("-{}", view.uid()),
    }
}

/// Nothing is left of anything that was.
#[track_caller]
fn assert_empty(index: &Index) {
    let shared = &index.shared;
    let left = (index.count(), index.keys.len(), shared.texts.count(), shared.owners.counts(), index.heap_bytes);
    assert_eq!(left, (0, 0, 0, (0, 0), 0));
}

#[test]
fn a_name_that_is_used_again_means_that_the_former_pod_is_gone() {
    let mut told = Told::new();
    told.seen(&pod("web-0", "a"));
    told.seen(&pod("web-0", "b"));
    assert_eq!(told.changes(), ["+a", "-a", "+b"]);
    assert_eq!([told.uid("a"), told.uid("b"), told.name("web-0")], ["a deleted", "b", "b"]);
}

#[test]
fn a_thousand_recreations_leave_an_index_of_one_pod() {
    let settings = Settings { tombstones: std::time::Duration::ZERO, ..Settings::default() };
    let mut told = Told::with(&settings);
    told.seen(&pod("web-0", "0").container("c", "4f1c"));
    let before = (told.index.keys.len(), told.index.shared.texts.count(), told.index.slots.len());
    for uid in 1..1000 {
        told.seen(&pod("web-0", &uid.to_string()).container("c", "4f1c"));
    }
    let after = (told.index.keys.len(), told.index.shared.texts.count(), told.index.slots.len());
    assert_eq!((told.index.count(), after), (1, before));
}

#[test]
fn an_older_state_changes_nothing_and_raises_nobody() {
    let mut told = Told::new();
    told.seen(&pod("web-0", "a").version(5));
    told.gone(&pod("web-0", "a").version(6));
    told.seen(&pod("web-0", "b").version(8).phase("Running"));
    told.changes();
    assert_eq!(told.seen(&pod("web-0", "b").version(7).phase("Pending")), Applied::Unchanged);
    assert_eq!(told.seen(&pod("web-0", "a").version(5)), Applied::Unchanged);
    assert_eq!((told.changes(), told.uid("a"), told.name("web-0")), (vec![], "a deleted".into(), "b".into()));
}

#[test]
fn the_same_state_again_changes_nothing() {
    let mut told = Told::new();
    told.seen(&pod("web-0", "a").version(5).label("app", "web"));
    assert_eq!(told.seen(&pod("web-0", "a").version(6).label("app", "web")), Applied::Unchanged);
    assert_eq!(told.seen(&pod("web-0", "a").version(7).label("app", "cart")), Applied::Modified);
    assert_eq!(told.changes(), ["+a", "~a"]);
}

#[test]
fn what_happened_while_away_is_told_by_the_next_complete_list() {
    let mut told = Told::new();
    let pods: Vec<_> = (0..20).map(|at| pod(&format!("p-{at:02}"), &format!("u{at:02}")).version(at + 1)).collect();
    told.relist(&pods);
    told.changes();
    let changed = |at: usize| if at < 15 { pods[at].clone().phase("Failed").version(99) } else { pods[at].clone() };
    let now: Vec<_> = (10..20).map(changed).collect();
    told.relist(&now);
    let mut expected: Vec<String> = (10..15).map(|at| format!("~u{at}")).collect();
    expected.extend((0..10).map(|at| format!("-u{at:02}")));
    assert_eq!((told.changes(), told.index.tombstones(told.now)), (expected, 10));
}

#[test]
fn a_broken_list_deletes_nothing() {
    let mut told = Told::new();
    told.relist([&pod("a", "a"), &pod("b", "b")]);
    told.index.begin();
    told.seen(&pod("a", "a"));
    told.relist([&pod("a", "a"), &pod("b", "b")]);
    assert_eq!(told.changes(), ["+a", "+b"]);
}

#[test]
fn what_cannot_be_read_any_more_stays_and_is_stale() {
    let mut told = Told::new();
    told.relist([&pod("a", "a")]);
    told.index.begin();
    told.index.unreadable("shop", "a");
    told.index.end(told.now, &mut |_| {});
    assert!(told.full("a").more.unwrap().stale);
    told.seen(&pod("a", "a").version(9));
    assert_eq!((told.full("a").more.unwrap().stale, told.changes()), (false, vec!["+a".to_owned(), "~a".to_owned()]));
}

#[test]
fn a_pod_without_uid_name_or_namespace_is_skipped() {
    let mut told = Told::new();
    for nameless in [pod("a", ""), pod("", "a"), pod("a", "a").namespace("")] {
        assert_eq!(told.seen(&nameless), Applied::Nameless);
    }
    assert_empty(&told.index);
}

#[test]
fn deleted_pods_leave_by_age_then_by_number() {
    let settings = Settings { max_tombstones: 2, ..Settings::default() };
    let mut told = Told::with(&settings);
    for name in ["a", "b", "c"] {
        told.seen(&pod(name, name));
        told.gone(&pod(name, name));
        told.pass(60);
    }
    assert_eq!(["a", "b", "c"].map(|uid| told.uid(uid)), ["none", "b deleted", "c deleted"]);
    told.pass(480);
    assert_eq!(["b", "c"].map(|uid| told.uid(uid)), ["none", "c deleted"]);
    told.pass(60);
    assert_eq!((told.uid("c"), told.index.tombstones(told.now)), ("none".to_owned(), 0));
    assert_empty(&told.index);
}

#[test]
fn a_pod_that_turns_out_to_live_is_no_tombstone() {
    let mut told = Told::new();
    told.relist([&pod("a", "a").version(1)]);
    told.relist([]);
    told.relist([&pod("a", "a").version(1)]);
    told.pass(3600);
    assert_eq!((told.uid("a"), told.index.tombstones(told.now)), ("a".to_owned(), 0));
    assert_eq!(told.changes(), ["+a", "-a", "+a"]);
}
