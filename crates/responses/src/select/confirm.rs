//! How many different collections have seen a rule hit an app lately, whichever process it was.

use std::collections::{BTreeSet, HashMap};

use api::Time;
use api::finding::Source;
use findings::book::Book;
use jiff::SignedDuration;

use crate::response::AppKey;

/// Looks that are older do not confirm.
const WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// A leader's number and that of a round.
type Rounds = BTreeSet<(i64, u64)>;

/// Rounds by rule, namespace and app.
#[derive(Debug)]
pub(super) struct Looks<'a>(HashMap<(&'a str, &'a str, AppKey), Rounds>);

impl<'a> Looks<'a> {
    /// Of all findings of processes, open or resolved.
    pub(super) fn of(book: &'a Book, now: Time) -> Self {
        let mut rounds: HashMap<_, Rounds> = HashMap::new();
        for record in book.records().filter(|record| record.source == Source::Process) {
            let told = &record.told;
            let (Some(namespace), Some(app)) = (told.subject.namespace.as_deref(), &told.belongs.app) else { continue };
            let mut lately = record.looks.iter().filter(|look| now.since(look.at) <= WITHIN).peekable();
            if lately.peek().is_some() {
                let of = rounds.entry((&*told.rule, namespace, AppKey::of(app))).or_default();
                of.extend(lately.map(|look| (look.fence, look.round)));
            }
        }
        Self(rounds)
    }

    /// How many saw this rule hit this app.
    pub(super) fn rounds(&self, rule: &str, namespace: &str, app: &AppKey) -> usize {
        self.0.get(&(rule, namespace, app.clone())).map_or(0, Rounds::len)
    }
}
