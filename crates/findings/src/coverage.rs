//! What was looked at: what makes "no finding" mean something. Pure.

use std::sync::PoisonError;

use api::Time;
use api::finding::Source;

use crate::book::Book;
use crate::findings::Findings;
use crate::round::{Freshness, RoundState, Scope};
use crate::wire::{Coverage, LastRound, Refusals, ScopeCounts, ScopeState, SourceCoverage, Staleness};

/// Scopes that are not fresh and are named; of the rest the numbers tell.
const NAMED: usize = 1000;

/// How much an answer about some sources can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// When the last round of them ended.
    pub(crate) as_of: Option<Time>,
    /// Whether all that they look at was looked at.
    pub(crate) complete: bool,
}

impl Findings {
    /// This process has such a source: nothing of it is complete before its first round has ended.
    pub fn expects(&self, source: Source) {
        self.inner.expected.lock().unwrap_or_else(PoisonError::into_inner).insert(source);
    }

    pub(crate) fn expected(&self) -> Vec<Source> {
        self.inner.expected.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// What was looked at by every source.
pub(crate) fn coverage(book: &Book, expected: &[Source], refused: Refusals) -> Coverage {
    Coverage {
        full: book.is_full(),
        refused,
        complete: standing(book, &Source::ALL, expected).complete,
        sources: Source::ALL.into_iter().map(|source| of(book, source, expected)).collect(),
    }
}

/// Of the `asked` sources: those that look, be it that this process has them or that another one told their rounds. If none does,
/// nothing was looked at.
pub(crate) fn standing(book: &Book, asked: &[Source], expected: &[Source]) -> Standing {
    let looks = asked.iter().copied().filter(|source| expected.contains(source) || book.round(*source).is_some());
    let looks: Vec<Source> = looks.collect();
    Standing {
        as_of: looks.iter().filter_map(|source| book.round(*source)).map(|round| round.at).max(),
        complete: !looks.is_empty() && !book.is_full() && looks.iter().all(|source| is_complete(book, *source)),
    }
}

fn is_complete(book: &Book, source: Source) -> bool {
    let is_whole = |round: &RoundState| round.current && round.complete && !round.suspect;
    book.round(source).is_some_and(is_whole) && book.scopes(source).all(|scope| state(book, scope).is_none())
}

fn of(book: &Book, source: Source, expected: &[Source]) -> SourceCoverage {
    let round = book.round(source);
    let (mut scopes, mut not_fresh) = (ScopeCounts::default(), Vec::new());
    for scope in book.scopes(source) {
        let Some((state, reason)) = state(book, scope) else {
            scopes.fresh += 1;
            continue;
        };
        match state {
            Staleness::Stale => scopes.stale += 1,
            Staleness::Failed => scopes.failed += 1,
            Staleness::Never => scopes.never += 1,
        }
        if not_fresh.len() < NAMED {
            let (scope, last_look) = (scope.name.as_ref().to_owned(), scope.looked_at);
            not_fresh.push(ScopeState { scope, state, reason, last_look });
        }
    }
    SourceCoverage {
        source,
        complete: is_complete(book, source),
        looks: expected.contains(&source) || round.is_some(),
        last_round: round.map(|round| LastRound {
            ended_at: round.at,
            current: round.current,
            complete: round.complete,
            suspect: round.suspect,
        }),
        scopes,
        oldest_look: book.scopes(source).filter_map(|scope| scope.looked_at).min(),
        not_fresh,
        gaps: round.map(|round| round.gaps.clone()).unwrap_or_default(),
    }
}

/// How a scope is not fresh, and why; none if it is.
fn state(book: &Book, scope: &Scope) -> Option<(Staleness, Option<String>)> {
    let stale = || book.stale_scope(scope.source, &scope.name).map(|stale| stale.reason.clone());
    match &scope.freshness {
        Freshness::Failed { reason } => Some((Staleness::Failed, Some(reason.clone()))),
        Freshness::Never => Some((Staleness::Never, None)),
        Freshness::Stale { reason, .. } => Some((Staleness::Stale, stale().or_else(|| Some(reason.clone())))),
        Freshness::Fresh => stale().map(|reason| (Staleness::Stale, Some(reason))),
    }
}
