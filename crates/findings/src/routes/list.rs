//! Findings, page by page.

use api::Fingerprint;
use api::finding::Finding;
use axum::extract::State;
use axum::http::HeaderMap;
use web::page::{self, Bound};
use web::{Fault, Query};

use super::query::{filtered, sort};
use super::{Fresh, Views, conditional};
use crate::book::Book;
use crate::coverage::standing;
use crate::filter::Filter;
use crate::select::{Key, Selected, Sort, select};
use crate::wire::FindingList;

filtered! {
    /// Which findings; of each key one of the values must hold, and of all keys.
    ListQuery {
        /// `severity` (the worst first, of equal ones the oldest), `first_seen`, `last_seen` or `changed_at`; with `-` before it the
        /// other way round.
        sort: Option<String>,
        /// Findings on a page, 1 to 1000.
        #[schemars(range(min = 1, max = 1000))]
        limit: Option<u32>,
        /// From the former page.
        r#continue: Option<String>,
    }
}

/// Lists findings.
pub(super) async fn list(
    State(views): State<Views>,
    Query(query): Query<ListQuery>,
    asked: HeaderMap,
) -> Result<Fresh<FindingList>, Fault> {
    let (filter, sort, limit) = (query.filter()?, sort(query.sort.as_deref())?, page::limit(query.limit)?);
    let bound = bound(&filter, sort);
    let after = query.r#continue.as_deref().map(|text| Key::read(text, bound)).transpose()?;
    let list = views.findings.ask(|book| {
        let Selected { keys, has_more, counts } = select(filter.over(book), sort, after, limit);
        let standing = standing(book, &filter.sources(), &views.findings.expected());
        let next = keys.last().filter(|_| has_more).map(|key| key.write(bound));
        FindingList {
            items: keys.iter().filter_map(|key| finding(book, &key.fingerprint)).collect(),
            next,
            count: counts.all(),
            by_severity: counts.severities.into(),
            by_source: counts.sources.into(),
            as_of: standing.as_of,
            complete: standing.complete,
        }
    });
    let fresh = views.freshness(list.as_of, list.complete);
    Ok(conditional(fresh, &asked, &list))
}

/// A finding as it is served.
pub(super) fn finding(book: &Book, fingerprint: &Fingerprint) -> Option<Finding> {
    let record = book.get(fingerprint)?;
    Some(record.finding(book.stale(record)))
}

fn bound(filter: &Filter, sort: Sort) -> Bound {
    let texts = filter.texts();
    Bound::of(["findings", sort.word()].into_iter().chain(texts.iter().map(String::as_str)))
}

impl Key {
    fn write(&self, bound: Bound) -> String {
        let Self { rank: (first, second), fingerprint } = self;
        bound.write(&[&first.to_string(), &second.to_string(), fingerprint.as_str()])
    }

    fn read(text: &str, bound: Bound) -> Result<Self, Fault> {
        let [first, second, fingerprint] = bound.read(text)?;
        let parsed =
            || Some(Self { rank: (first.parse().ok()?, second.parse().ok()?), fingerprint: fingerprint.parse().ok()? });
        parsed().ok_or_else(|| {
            page::bad("continue", "this is not from a list (accepted: `continue` of the former page, as it is)")
        })
    }
}
