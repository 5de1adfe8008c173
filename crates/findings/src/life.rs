//! The life of one finding: what one sighting, one absence or one silence makes of it. Pure.

use std::time::Duration;

use api::Time;
use api::finding::Source;
use jiff::SignedDuration;

use crate::batch::Sighting;
use crate::event::Event;
use crate::plan::{Keep, Touch};
use crate::record::{Life, Record};
use crate::round::{Looks, Scope};
use api::Facts;

/// What a sighting makes of a finding that is known.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Another record, with what happened to it.
    Record(Box<Record>, Vec<Event>),
    /// The same one, later.
    Same(Touch),
}

/// One look at a scope: the scope as this look makes it, and when it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) at: Time,
}

/// Whether the rounds of its scopes say when a finding of this source was last seen, and how often.
pub(crate) const fn is_counted_by_rounds(source: Source) -> bool {
    matches!(source, Source::Workload)
}

/// A finding that is seen for the first time; `episode` counts on over its lives.
pub(crate) fn opened(
    Sighting { told, count, first_seen }: &Sighting,
    Glance { scope, at }: Glance<'_>,
    silence: Option<Box<str>>,
    (episode, after): (u64, Option<Time>),
) -> (Record, Vec<Event>) {
    let events = silenced(vec![Event::Opened], silence.as_deref());
    let began = first_seen.map_or(at, |first| first.min(at));
    let record = Record {
        source: scope.source,
        scope: scope.name.clone(),
        told: told.clone(),
        first_seen: after.map_or(began, |after| began.max(after)),
        last_seen: at,
        changed_at: at,
        count: count.unwrap_or(1),
        reopened: 0,
        episode,
        life: Life::Open { silence },
        looks: Looks::default(),
        rounds: scope.rounds + 1,
        touched: at,
    };
    (record, events)
}

/// A known finding that is seen again.
pub(crate) fn seen(
    record: &Record,
    sighting: &Sighting,
    glance: Glance<'_>,
    silence: Option<Box<str>>,
    (reopen_within, touch_every): (Duration, Duration),
) -> Seen {
    let Sighting { told, count, first_seen } = sighting;
    let at = glance.at.max(record.last_seen);
    let Life::Resolved { at: resolved, .. } = &record.life else {
        return again(record, sighting, Glance { at, ..glance }, silence, touch_every);
    };
    let at = at.max(*resolved);
    if at.since(*resolved) >= signed(reopen_within) {
        let life = (record.episode + 1, Some(*resolved));
        let (fresh, events) = opened(sighting, Glance { at, ..glance }, silence, life);
        return Seen::Record(Box::new(fresh), events);
    }
    let events = silenced(vec![Event::Reopened], silence.as_deref());
    let reopened = Record {
        source: record.source,
        scope: glance.scope.name.clone(),
        told: told.clone(),
        first_seen: earlier(record, *first_seen),
        last_seen: at,
        changed_at: at,
        count: count.unwrap_or(record.count.saturating_add(1)),
        reopened: record.reopened + 1,
        episode: record.episode + 1,
        life: Life::Open { silence },
        looks: Looks::default(),
        rounds: glance.scope.rounds + 1,
        touched: at,
    };
    Seen::Record(Box::new(reopened), events)
}

/// An open finding that is seen again: a new record if anything is to be stored now, else a touch.
fn again(
    record: &Record,
    Sighting { told, count, first_seen }: &Sighting,
    Glance { scope, at }: Glance<'_>,
    silence: Option<Box<str>>,
    touch_every: Duration,
) -> Seen {
    let mut events = Vec::new();
    let fields = record.differences(told);
    if !fields.is_empty() {
        events.push(Event::Changed { fields });
    }
    let held = record.silence();
    events.extend(muting(held, silence.as_deref()));
    // Whose it is, and since when it is there, may become known later. That is corrected, and nothing has happened.
    let first_seen = earlier(record, *first_seen);
    let is_same = events.is_empty()
        && told.belongs == record.told.belongs
        && told.exemption == record.told.exemption
        && first_seen == record.first_seen
        && scope.name == record.scope;
    let by_rounds = is_counted_by_rounds(record.source);
    if is_same {
        let figures = (told.figures != record.told.figures).then(|| told.figures.clone());
        let count = count.unwrap_or(record.count.saturating_add(u64::from(!by_rounds)));
        return Seen::Same(touch(record, at, count, figures, touch_every));
    }
    // The end of the round that is under way is counted here, and once.
    let grows = u64::from(!by_rounds || record.rounds <= scope.rounds);
    let changed = Record {
        source: record.source,
        scope: scope.name.clone(),
        told: told.clone(),
        first_seen,
        last_seen: at,
        changed_at: if events.is_empty() { record.changed_at } else { at },
        count: count.unwrap_or(record.count.saturating_add(grows)),
        reopened: record.reopened,
        episode: record.episode + u64::from(held.is_some() && silence.is_none()),
        life: Life::Open { silence },
        looks: record.looks.clone(),
        rounds: scope.rounds + 1,
        touched: at,
    };
    Seen::Record(Box::new(changed), events)
}

/// An open finding of which nothing is told but that it is still there.
pub(crate) fn touch(record: &Record, at: Time, count: u64, figures: Option<Facts>, touch_every: Duration) -> Touch {
    let last_seen = at.max(record.last_seen);
    let is_due = last_seen.since(record.touched) >= signed(touch_every);
    let keep = if is_due && !is_counted_by_rounds(record.source) { Keep::Stored } else { Keep::InMemory };
    let (fingerprint, looks) = (record.told.fingerprint.clone(), record.looks.clone());
    Touch { fingerprint, last_seen, count, figures, looks, keep }
}

/// A finding that is gone; none if it was already.
pub(crate) fn gone(record: &Record, reason: &str, at: Time) -> Option<(Record, Event)> {
    match record.life {
        Life::Resolved { .. } => None,
        Life::Open { .. } => {
            let at = at.max(record.last_seen);
            let life = Life::Resolved { at, reason: reason.into() };
            let resolved = Record { life, changed_at: at, touched: record.last_seen, ..record.clone() };
            Some((resolved, Event::Resolved { reason: reason.to_owned() }))
        }
    }
}

/// An open finding under another silence, or under none; none if nothing changes.
pub(crate) fn muted(record: &Record, silence: Option<Box<str>>, at: Time) -> Option<(Record, Vec<Event>)> {
    let Life::Open { silence: held } = &record.life else { return None };
    let events = muting(held.as_deref(), silence.as_deref());
    if events.is_empty() {
        return None;
    }
    let at = at.max(record.changed_at);
    let episode = record.episode + u64::from(silence.is_none());
    let (life, touched) = (Life::Open { silence }, record.last_seen);
    Some((Record { life, changed_at: at, touched, episode, ..record.clone() }, events))
}

/// A silence that takes over from another is told as a silence that begins: nobody is to hear of an opening between.
fn muting(held: Option<&str>, silence: Option<&str>) -> Vec<Event> {
    match (held, silence) {
        (held, silence) if held == silence => Vec::new(),
        (_, Some(silence)) => vec![Event::Silenced { silence: silence.to_owned() }],
        (held, None) => held.map(|silence| Event::Unsilenced { silence: silence.to_owned() }).into_iter().collect(),
    }
}

fn silenced(mut events: Vec<Event>, silence: Option<&str>) -> Vec<Event> {
    events.extend(silence.map(|silence| Event::Silenced { silence: silence.to_owned() }));
    events
}

fn earlier(record: &Record, first_seen: Option<Time>) -> Time {
    first_seen.map_or(record.first_seen, |first| first.min(record.first_seen))
}

/// Settings end at a year.
pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
