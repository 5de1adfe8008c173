//! Findings in groups, and over time.

use std::collections::HashMap;

use api::finding::Source;
use axum::extract::State;
use axum::http::HeaderMap;
use web::page::{self, bad};
use web::{Fault, Query};

use super::query::filtered;
use super::{Fresh, Views, conditional};
use crate::book::Book;
use crate::columns::Word;
use crate::coverage::standing;
use crate::filter::{Column, Filter};
use crate::select::Counts;
use crate::wire::{GroupBy, Summary, SummaryGroup};

filtered! {
    /// Which findings, and how they are grouped.
    SummaryQuery {
        /// What the findings of a group have in common; required.
        by: Option<GroupBy>,
        /// Groups that are told, 1 to 1000.
        #[schemars(range(min = 1, max = 1000))]
        limit: Option<u32>,
    }
}

/// Counts findings in groups.
pub(super) async fn summary(
    State(views): State<Views>,
    Query(query): Query<SummaryQuery>,
    asked: HeaderMap,
) -> Result<Fresh<Summary>, Fault> {
    let missing = || bad("by", "is missing (accepted: namespace, owner, rule, source, node or app)");
    let by = query.by.ok_or_else(missing)?;
    let (filter, limit) = (query.filter()?, page::limit(query.limit)?);
    let summary = views.findings.ask(|book| summarize(book, &filter, by, limit, &views.findings.expected()));
    let fresh = views.freshness(summary.as_of, summary.complete);
    Ok(conditional(fresh, &asked, &summary))
}

fn summarize(book: &Book, filter: &Filter, by: GroupBy, limit: usize, expected: &[Source]) -> Summary {
    let (mut all, mut groups) = (Counts::default(), HashMap::<(Word, Option<Source>), Counts>::new());
    let mut wanted = filter.over(book);
    for row in wanted.rows() {
        if wanted.matches(row) {
            all.add(row);
            let group = match column(by) {
                Some(column) => (column.of(row), None),
                None => (Word::NONE, Some(row.source)),
            };
            groups.entry(group).or_default().add(row);
        }
    }
    let words = book.columns().words();
    let group = |((word, source), counts): ((Word, Option<Source>), Counts)| SummaryGroup {
        value: source.map_or_else(|| words.get(word).map(str::to_owned), |source| Some(source.to_string())),
        count: counts.all(),
        by_severity: counts.severities.into(),
    };
    let mut items: Vec<SummaryGroup> = groups.into_iter().map(group).collect();
    items.sort_by(|one, other| weight(other).cmp(&weight(one)).then_with(|| one.value.cmp(&other.value)));
    let count = items.len();
    items.truncate(limit);
    let standing = standing(book, &filter.sources(), expected);
    let (by_severity, as_of, complete) = (all.severities.into(), standing.as_of, standing.complete);
    Summary { by, items, count, by_severity, as_of, complete }
}

fn weight(group: &SummaryGroup) -> [u64; 4] {
    let counts = &group.by_severity;
    [counts.critical, counts.high, counts.medium, counts.low]
}

const fn column(by: GroupBy) -> Option<Column> {
    Some(match by {
        GroupBy::Namespace => Column::Namespace,
        GroupBy::Owner => Column::Owner,
        GroupBy::Rule => Column::Rule,
        GroupBy::Node => Column::Node,
        GroupBy::App => Column::App,
        GroupBy::Source => return None,
    })
}
