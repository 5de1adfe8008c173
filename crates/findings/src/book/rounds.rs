//! What the end of a round changes.

use std::collections::HashSet;

use api::Time;
use api::finding::Source;

use super::Book;
use super::decide::Superseded;
use crate::batch::Order;
use crate::plan::{Ended, Plan, Reason, Refused};
use crate::round::{Freshness, Gap, Look, Round, RoundState, Scope, ScopeLook, with_look};
use api::Facts;

/// What was not taken of the batches of one round.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    order: Option<Order>,
    counts: [u64; Reason::ALL.len()],
}

impl Refusals {
    pub(super) fn note(&mut self, order: Order, refused: &[Refused]) {
        if self.order != Some(order) {
            *self = Self { order: Some(order), ..Self::default() };
        }
        for Refused { reason, .. } in refused {
            self.counts[*reason as usize] += 1;
        }
    }

    fn gaps(&self, order: Order) -> Vec<Gap> {
        if self.order != Some(order) {
            return Vec::new();
        }
        let gap = |reason: Reason| {
            let (what, why) = ("findings".to_owned(), reason.in_words().to_owned());
            Gap { what, why, count: self.counts[reason as usize] }
        };
        Reason::ALL.map(gap).into_iter().filter(|gap| gap.count > 0).collect()
    }
}

impl Book {
    /// Decides what the end of a round changes: how fresh each scope is, and what was seen once more.
    pub fn end_round(&self, round: Round) -> Result<Plan, Superseded> {
        let Round { source, order, at, scopes, complete, suspect, mut gaps } = round;
        if self.rounds.get(&source).is_some_and(|last| order <= last.order) {
            return Err(Superseded { scope: format!("the rounds of source {source}") });
        }
        let current = self.lead.as_ref().is_none_or(|(fence, _)| order.fence >= *fence);
        let look = order.look(at);
        let expected: HashSet<&str> = scopes.iter().map(|scope| scope.scope.as_str()).collect();
        let dropped =
            self.scopes.of(source).filter(|(name, place)| !expected.contains(&***name) && place.open.is_empty());
        let dropped = dropped.map(|(name, _)| name.as_ref().to_owned()).collect();
        let mut named = HashSet::new();
        let once = scopes.iter().filter(|scope| named.insert(scope.scope.as_str()));
        let mut scopes: Vec<Scope> = once.map(|told| self.ended(told, (source, look))).collect();
        let left =
            self.scopes.of(source).filter(|(name, place)| !expected.contains(&***name) && !place.open.is_empty());
        scopes.extend(left.map(|(name, _)| self.ended(&not_expected(name, at), (source, look))));
        let refused = self.refusals.get(&source).map(|refusals| refusals.gaps(order)).unwrap_or_default();
        let complete = complete && refused.is_empty();
        gaps.extend(refused);
        let state = RoundState { source, order, at, complete, suspect, gaps, current };
        Ok(Plan { round: Some(Ended { state, scopes, dropped, look }), ..Plan::default() })
    }

    fn ended(&self, told: &ScopeLook, (source, look): (Source, Look)) -> Scope {
        let order = Order { fence: look.fence, round: look.round };
        let known = self.scopes.get(source, &told.scope).and_then(|place| place.scope.as_ref());
        let before = known.map(|scope| (scope.order, scope.looked_at, scope.freshness.clone()));
        let mut scope = self.scopes.looked(source, &told.scope, order, look.at);
        scope.freshness = told.freshness.clone();
        scope.detail = told.detail.clone();
        if told.freshness == Freshness::Fresh {
            scope.rounds += 1;
            scope.looks = with_look(&scope.looks, look);
        }
        if let Some((last, looked_at, freshness)) = before {
            // The batch of this round says when it looked.
            if told.freshness != Freshness::Fresh || last == order {
                scope.looked_at = looked_at;
            }
            // A batch of a later round may have come while this one ended.
            scope.order = scope.order.max(last);
            scope.freshness = lasting(freshness, scope.freshness);
        }
        scope
    }
}

/// What is stale for the same reason is so since it began.
fn lasting(before: Freshness, now: Freshness) -> Freshness {
    match (&before, &now) {
        (Freshness::Stale { since, reason }, Freshness::Stale { since: later, reason: same })
            if reason == same && since < later =>
        {
            before
        }
        _ => now,
    }
}

/// Its source does not mean to look at it any more, and has not said what became of its findings.
fn not_expected(name: &str, at: Time) -> ScopeLook {
    let freshness = Freshness::Stale { since: at, reason: "not-expected".to_owned() };
    ScopeLook { scope: name.to_owned(), freshness, detail: Facts::default() }
}
