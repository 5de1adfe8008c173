//! The life of one finding: what one sighting, one absence or one silence makes of it. Pure.

use std::time::Duration;

use api::Time;
use jiff::SignedDuration;

use crate::batch::Sighting;
use crate::event::Event;
use crate::plan::{Keep, Looked, Touch};
use crate::record::{Life, Record};

/// What a sighting makes of a finding that is known.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Another record, with what happened to it.
    Record(Box<Record>, Vec<Event>),
    /// The same one, later.
    Same(Touch),
}

/// A finding that is seen for the first time.
pub(crate) fn opened(told: Sighting, look: &Looked, silence: Option<String>) -> (Record, Vec<Event>) {
    let events = silenced(vec![Event::Opened], silence.as_ref());
    let count = told.count.unwrap_or(1);
    let record = Record {
        source: look.source,
        scope: look.scope.clone(),
        told,
        first_seen: look.at,
        last_seen: look.at,
        changed_at: look.at,
        count,
        reopened: 0,
        life: Life::Open { silence },
        touched: look.at,
    };
    (record, events)
}

/// A known finding that is seen again.
pub(crate) fn seen(
    record: &Record,
    told: Sighting,
    look: &Looked,
    silence: Option<String>,
    (reopen_within, touch_every): (Duration, Duration),
) -> Seen {
    let at = look.at.max(record.last_seen);
    match &record.life {
        Life::Open { silence: held } => {
            let mut events = Vec::new();
            let fields = record.differences(&told);
            if !fields.is_empty() {
                events.push(Event::Changed { fields });
            }
            events.extend(muting(held.as_ref(), silence.as_ref()));
            again(record, told, look, (at, silence, events), touch_every)
        }
        Life::Resolved { at: resolved, .. } => {
            let at = at.max(*resolved);
            if at.since(*resolved) >= signed(reopen_within) {
                let (fresh, events) = opened(told, &Looked { at, ..look.clone() }, silence);
                return Seen::Record(Box::new(fresh), events);
            }
            let events = silenced(vec![Event::Reopened], silence.as_ref());
            let count = told.count.unwrap_or(record.count + 1);
            let life = Life::Open { silence };
            let reopened = record.reopened + 1;
            let (last_seen, changed_at, touched) = (at, at, at);
            let (scope, first_seen, source) = (look.scope.clone(), record.first_seen, record.source);
            let reopened =
                Record { source, scope, told, first_seen, last_seen, changed_at, count, reopened, life, touched };
            Seen::Record(Box::new(reopened), events)
        }
    }
}

/// An open finding that is seen again: a new record if anything is to be stored now, else a touch.
fn again(
    record: &Record,
    told: Sighting,
    look: &Looked,
    (at, silence, events): (Time, Option<String>, Vec<Event>),
    touch_every: Duration,
) -> Seen {
    let count = told.count.unwrap_or(record.count + 1);
    // Whose it is may become known later. That is corrected, and nothing has happened.
    let is_same = events.is_empty() && told.belongs == record.told.belongs && look.scope == record.scope;
    if is_same {
        let is_due = at.since(record.touched) >= signed(touch_every);
        let keep = if is_due { Keep::Stored } else { Keep::InMemory };
        return Seen::Same(Touch { fingerprint: told.fingerprint, last_seen: at, count, figures: told.figures, keep });
    }
    let changed_at = if events.is_empty() { record.changed_at } else { at };
    let changed = Record {
        source: record.source,
        scope: look.scope.clone(),
        told,
        first_seen: record.first_seen,
        last_seen: at,
        changed_at,
        count,
        reopened: record.reopened,
        life: Life::Open { silence },
        touched: at,
    };
    Seen::Record(Box::new(changed), events)
}

/// A finding that is gone; none if it was already.
pub(crate) fn gone(record: &Record, reason: &str, at: Time) -> Option<(Record, Event)> {
    match record.life {
        Life::Resolved { .. } => None,
        Life::Open { .. } => {
            let at = at.max(record.last_seen);
            let life = Life::Resolved { at, reason: reason.to_owned() };
            let resolved = Record { life, changed_at: at, touched: record.last_seen, ..record.clone() };
            Some((resolved, Event::Resolved { reason: reason.to_owned() }))
        }
    }
}

/// An open finding under another silence, or under none; none if nothing changes.
pub(crate) fn muted(record: &Record, silence: Option<String>, at: Time) -> Option<(Record, Vec<Event>)> {
    let Life::Open { silence: held } = &record.life else { return None };
    let events = muting(held.as_ref(), silence.as_ref());
    if events.is_empty() {
        return None;
    }
    let at = at.max(record.changed_at);
    let (life, touched) = (Life::Open { silence }, record.last_seen);
    Some((Record { life, changed_at: at, touched, ..record.clone() }, events))
}

/// A silence that takes over from another is told as a silence that begins: nobody is to hear of an opening between.
fn muting(held: Option<&String>, silence: Option<&String>) -> Vec<Event> {
    match (held, silence) {
        (held, silence) if held == silence => Vec::new(),
        (_, Some(silence)) => vec![Event::Silenced { silence: silence.clone() }],
        (held, None) => held.map(|silence| Event::Unsilenced { silence: silence.clone() }).into_iter().collect(),
    }
}

fn silenced(mut events: Vec<Event>, silence: Option<&String>) -> Vec<Event> {
    events.extend(silence.map(|silence| Event::Silenced { silence: silence.clone() }));
    events
}

/// Settings end at a year.
pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
