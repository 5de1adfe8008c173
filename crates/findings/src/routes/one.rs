//! One finding, with all that is known around it.

use std::cmp::Reverse;

use api::finding::Finding;
use api::{Fingerprint, Time};
use axum::extract::State;
use axum::http::HeaderMap;
use pods::wire::Pod;
use pods::{Lifetime, Pods};
use serde::Deserialize;
use web::{Fault, NoQuery, Path};

use super::list::finding;
use super::silences::view;
use super::{Fresh, Views, conditional};
use crate::book::Book;
use crate::columns::{Row, Word};
use crate::coverage::standing;
use crate::event::{Entry, Event};
use crate::record::Record;
use crate::select::{Key, Selection, Sort};
use crate::wire::{ExemptionView, FindingView, Happened, ImageView, OwnerView, What};

/// Others that are told.
const RELATED: usize = 50;

/// Entries of a timeline.
const TIMELINE: usize = 200;

/// Which finding.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(super) struct Which {
    /// Its identity: 32 hex digits.
    fingerprint: String,
}

/// Shows one finding.
pub(super) async fn one(
    State(views): State<Views>,
    Path(Which { fingerprint }): Path<Which>,
    _: NoQuery,
    asked: HeaderMap,
) -> Result<Fresh<FindingView>, Fault> {
    let fingerprint: Fingerprint = fingerprint.to_ascii_lowercase().parse().map_err(|_| malformed(&fingerprint))?;
    let now = views.findings.inner.now();
    let known = views.findings.ask(|book| {
        let record = book.get(&fingerprint)?;
        let standing = standing(book, &[record.source], &views.findings.expected());
        Some((around(book, record, now), standing))
    });
    let (mut view, standing) = known.ok_or_else(|| Fault::not_found(format!("no finding {fingerprint} is known")))?;
    let about: Vec<&str> =
        [&view.finding].into_iter().chain(&view.related).map(|told| told.fingerprint.as_str()).collect();
    let about: Vec<&str> = about.into_iter().chain(view.finding.image.as_deref()).collect();
    let (history, lacks) = match views.findings.history(&about, TIMELINE).await {
        Ok(history) => (history, None),
        Err(failure) => (Vec::new(), Some(failure.in_words())),
    };
    view.timeline_lacks = lacks;
    let kin = views.pods.as_ref().map(|pods| Kin::ask(pods, &view.finding)).unwrap_or_default();
    join(&mut view, kin, history);
    Ok(conditional(views.freshness(standing.as_of, standing.complete), &asked, &view))
}

/// What the book knows around a finding.
fn around(book: &Book, record: &Record, now: Time) -> FindingView {
    let told = record.finding(book.stale(record));
    let silences =
        book.silences().filter(|silence| silence.holds(now) && silence.matches.matches(record.source, &record.told));
    let exemption = record.told.exemption.as_deref().map(|exemption| ExemptionView {
        id: exemption.id.clone(),
        owner: exemption.owner.clone(),
        reason: exemption.reason.clone(),
        until: exemption.until,
    });
    FindingView {
        pod: None,
        owner: told.owner.clone().map(|owner| OwnerView { owner, pods: 0 }),
        image: told.image.clone().map(|digest| ImageView { digest, names: Vec::new() }),
        silences: silences.map(|silence| view(book, silence, now)).collect(),
        exemption,
        related: related(book, record),
        timeline: Vec::new(),
        timeline_lacks: None,
        finding: told,
    }
}

/// Others of the same owner or image: open ones first, the worst first.
fn related(book: &Book, record: &Record) -> Vec<Finding> {
    let columns = book.columns();
    let Some(own) = columns.row(&record.told.fingerprint) else { return Vec::new() };
    let is_same = |one: Word, other: Word| one != Word::NONE && one == other;
    let is_related = |row: &&Row| {
        (is_same(row.owner, own.owner) || is_same(row.image, own.image)) && row.fingerprint != own.fingerprint
    };
    let first = |open: bool, limit: usize| -> Vec<Key> {
        let mut selection = Selection::new(Sort::default(), None, limit);
        columns.rows(open, !open).filter(is_related).for_each(|row| selection.offer(row));
        selection.finish().keys
    };
    let mut keys = first(true, RELATED);
    if keys.len() < RELATED {
        keys.extend(first(false, RELATED - keys.len()));
    }
    keys.iter().filter_map(|key| finding(book, &key.fingerprint)).collect()
}

/// What pods know around a finding.
#[derive(Debug, Default)]
struct Kin {
    pod: Option<Pod>,
    /// Of the owner.
    lives: Vec<Lifetime>,
    /// Of the image.
    names: Vec<String>,
}

impl Kin {
    fn ask(pods: &Pods, finding: &Finding) -> Self {
        let owner = finding.owner.as_ref();
        Self {
            pod: finding.subject.pod_uid.as_deref().and_then(|uid| pods.whole(uid)),
            lives: owner.map(|owner| pods.of_owner(&owner.kind, &owner.namespace, &owner.name)).unwrap_or_default(),
            names: finding.image.as_deref().map(|digest| pods.names_of_image(digest)).unwrap_or_default(),
        }
    }
}

/// Joins what the book, the pods and the histories know.
fn join(view: &mut FindingView, kin: Kin, history: Vec<Entry>) {
    let Kin { pod, lives, names } = kin;
    view.pod = pod;
    if let Some(image) = &mut view.image {
        image.names = names;
    }
    if let Some(owner) = &mut view.owner {
        owner.pods = lives.iter().filter(|life| life.died.is_none()).count();
    }
    let of_pods = lives.iter().flat_map(|life| [born(life), died(life)]).flatten();
    let mut timeline: Vec<Happened> = history.into_iter().map(Happened::from).chain(of_pods).collect();
    // Of the same second the later entry of a history comes first already, and stays so.
    timeline.sort_by_key(|happened| Reverse(happened.at));
    timeline.truncate(TIMELINE);
    view.timeline = timeline;
}

fn born(life: &Lifetime) -> Option<Happened> {
    let Lifetime { uid, name, node, born, died: _ } = life.clone();
    Some(Happened { at: born?, fingerprint: None, what: What::PodBorn { pod: name, pod_uid: uid, node } })
}

fn died(life: &Lifetime) -> Option<Happened> {
    let Lifetime { uid, name, node, born: _, died } = life.clone();
    Some(Happened { at: died?, fingerprint: None, what: What::PodDied { pod: name, pod_uid: uid, node } })
}

fn malformed(text: &str) -> Fault {
    let text = web::page::echo(text);
    Fault::bad_request("invalid-fingerprint", format!("`{text}` is no fingerprint (accepted: 32 hex digits)"))
}

impl From<Entry> for Happened {
    fn from(entry: Entry) -> Self {
        let Entry { number: _, about, at, event } = entry;
        Self { at, fingerprint: about.parse().ok(), what: event.into() }
    }
}

impl From<Event> for What {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened => Self::Opened,
            Event::Changed { fields } => Self::Changed { fields },
            Event::Resolved { reason } => Self::Resolved { reason },
            Event::Reopened => Self::Reopened,
            Event::Silenced { silence } => Self::Silenced { silence },
            Event::Unsilenced { silence } => Self::Unsilenced { silence },
            Event::Response { response, did, object, reason } => Self::Response { response, did, object, reason },
            Event::Scanned { outcome } => Self::Scanned { outcome },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::at;
    use crate::records::record;

    #[test]
    fn a_timeline_joins_histories_and_the_lives_of_pods_newest_first_and_ends() {
        let mut view = around(&Book::new(crate::fixture::LIMITS), &record(1), at(0));
        let entry = |number: i64, seconds, event| {
            let about = record(1).told.fingerprint.to_string();
            Entry { number, about, at: at(seconds), event }
        };
        let history = vec![entry(2, 20, Event::Reopened), entry(1, 20, Event::Resolved { reason: "gone".to_owned() })];
        let life = |uid: &str, born, died: Option<i64>| Lifetime {
            uid: uid.to_owned(),
            name: format!("cart-{uid}"),
            node: "worker-3".to_owned(),
            born: Some(at(born)),
            died: died.map(at),
        };
        let kin = Kin {
            pod: None,
            lives: vec![life("0", 10, Some(30)), life("1", 15, None)],
            names: vec!["web:1".to_owned()],
        };
        join(&mut view, kin, history);
        let told = |happened: &Happened| {
            let event = serde_json::to_value(happened).unwrap();
            (event["event"].as_str().unwrap().to_owned(), event["pod"].as_str().unwrap_or("").to_owned())
        };
        let told: Vec<(String, String)> = view.timeline.iter().map(told).collect();
        let expected = [
            ("pod_died", "cart-0"),
            ("reopened", ""),
            ("resolved", ""),
            ("pod_born", "cart-1"),
            ("pod_born", "cart-0"),
        ];
        assert_eq!(told, expected.map(|(event, pod)| (event.to_owned(), pod.to_owned())));
        assert_eq!(
            (view.owner.as_ref().unwrap().pods, &view.image.as_ref().unwrap().names),
            (1, &vec!["web:1".to_owned()])
        );
        let lives = (0..300).map(|number| life(&number.to_string(), number, None)).collect();
        join(&mut view, Kin { lives, ..Kin::default() }, Vec::new());
        assert_eq!((view.timeline.len(), view.timeline[0].at), (200, at(299)));
    }
}
