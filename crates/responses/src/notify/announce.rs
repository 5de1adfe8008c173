//! What is to be told now. Pure: findings, what was told before, settings and the time make messages and what was told after them.
//!
//! ```text
//! findings ─► untold changes ─► by group ─► groups whose wait is over ─► messages
//!                 │                              │ others
//!                 └──────────── noticed ◄────────┘
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use api::Time;
use api::finding::{Source, State};
use findings::record::Life;
use findings::{Book, Record, Silence};
use jiff::SignedDuration;

use super::event;
use super::message::{Group, Happened, Item, Message};
use super::settings::{NotifierKind, NotifierSettings};
use super::told::{Changes, OfNotifier, Told, ToldBook};

/// A rule that was told of an app is not told of it again sooner: what it finds until then is told together.
const HOLD: Duration = Duration::from_hours(1);

/// What opened and ended between two sweeps is told if it ended since then. A round of a source takes minutes, and its findings
/// bear the time of its beginning.
const LATE: Duration = Duration::from_mins(15);

/// Events that are made in one sweep.
const EVENTS: usize = 100;

/// Events are told again no sooner.
const EVENT_REPEATS: Duration = Duration::from_hours(1);

/// What is to be told, and what was told once it is.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// By notifier, in the order in which they are sent.
    pub(crate) messages: Vec<(String, Message)>,
    /// What is remembered of it.
    pub(crate) changes: Changes,
}

/// One change of one finding that a notifier has not told.
struct Untold<'a> {
    record: &'a Record,
    happened: Happened,
    /// When it may be told.
    due: Time,
    /// What is remembered once it is told.
    told: Told,
}

/// What one notifier may tell.
struct Teller<'a> {
    settings: &'a NotifierSettings,
    known: &'a OfNotifier,
    book: &'a Book,
    now: Time,
    /// When rules were told of apps, within the last [`HOLD`].
    holds: HashMap<(Group, &'a str), Time>,
}

/// Decides for all notifiers. Alertmanager is told by another way: it wants to hear of the same alert again and again.
pub(crate) fn decide(book: &Book, told: &ToldBook, notifiers: &[NotifierSettings], now: Time) -> Decision {
    let mut decision = Decision::default();
    let notifiers: Vec<_> = notifiers.iter().filter(|notifier| notifier.kind != NotifierKind::Alertmanager).collect();
    let is_known = |name: &&String| notifiers.iter().any(|notifier| notifier.name == **name);
    decision.changes.gone = told.names().filter(|name| !is_known(name)).cloned().collect();
    decision.changes.gone.sort();
    let new = OfNotifier::beginning(now);
    for settings in notifiers {
        let known = told.of(&settings.name);
        let was_active = known.is_some_and(|known| known.is_active);
        if settings.enabled != was_active {
            let since = if settings.enabled { now } else { known.map_or(now, |known| known.since) };
            decision.changes.notifiers.push((settings.name.clone(), since, settings.enabled));
        }
        let mut known = std::borrow::Cow::Borrowed(known.unwrap_or(&new));
        if settings.enabled && !was_active {
            known.to_mut().since = now;
        }
        let mut teller = Teller { settings, known: &known, book, now, holds: HashMap::new() };
        teller.forget(&mut decision.changes);
        if settings.enabled {
            teller.remember_holds();
            teller.tell(&mut decision);
        }
    }
    decision
}

impl<'a> Teller<'a> {
    fn forget(&self, changes: &mut Changes) {
        let gone = self.known.fingerprints().filter(|fingerprint| self.book.get(fingerprint).is_none());
        let mut gone: Vec<_> = gone.map(|fingerprint| (self.settings.name.clone(), fingerprint.clone())).collect();
        gone.sort();
        changes.forgotten.append(&mut gone);
    }

    fn remember_holds(&mut self) {
        for record in self.book.records().filter(|record| record.source == Source::Process) {
            let Some(opened) = self.known.get(&record.told.fingerprint).and_then(|told| told.opened) else { continue };
            if after(opened, HOLD) > self.now {
                let held = self.holds.entry((unit(record), &record.told.rule)).or_insert(opened);
                *held = (*held).max(opened);
            }
        }
    }

    fn tell(&self, decision: &mut Decision) {
        let untold = self.book.records().filter_map(|record| self.untold(record));
        let groups = match self.settings.kind {
            NotifierKind::Event => self.alone(untold.collect(), &mut decision.changes),
            _ => self.together(untold, &mut decision.changes),
        };
        for ((happened, group), untold) in groups {
            let items = untold.iter().map(|untold| self.item(untold.record)).collect();
            let stamp = self.now.to_string();
            let seed = match happened {
                Happened::Repeated => vec![self.settings.name.as_str(), &stamp],
                Happened::Opened | Happened::Resolved => vec![self.settings.name.as_str()],
            };
            let message = Message::of(happened, group, items, &seed);
            decision.messages.push((self.settings.name.clone(), message));
            for Untold { record, told, .. } in untold {
                self.mark(&mut decision.changes, record, told);
            }
        }
        if !self.settings.send_resolved {
            self.pass_over_ends(&mut decision.changes);
        }
    }

    /// What a finding gives to tell.
    fn untold(&self, record: &'a Record) -> Option<Untold<'a>> {
        let told = self.known.get(&record.told.fingerprint);
        let of_this = told.filter(|told| told.is_of(record));
        let is_opened = of_this.is_some_and(|told| told.opened.is_some());
        match (record.state(), of_this) {
            (State::Silenced, _) => None,
            (State::Open, Some(told)) if is_opened => self.repeated(record, told),
            (State::Resolved, Some(told)) if is_opened => self.resolved(record, told),
            (State::Open, _) => self.opened(record, told),
            (State::Resolved, of_this) => {
                let is_news = of_this.is_some() || self.is_late(record);
                (is_news && !was_silenced(self.book, record)).then(|| self.opened(record, told)).flatten()
            }
        }
    }

    fn opened(&self, record: &'a Record, before: Option<&Told>) -> Option<Untold<'a>> {
        if !self.wants(record) {
            return None;
        }
        let noticed = before.filter(|told| told.is_of(record)).cloned();
        let noticed = noticed.unwrap_or_else(|| Told::noticed(record, self.now));
        let is_alone = self.settings.kind == NotifierKind::Event;
        let mut due = if is_alone { noticed.noticed } else { after(noticed.noticed, self.settings.group_wait) };
        let held = self.holds.get(&(unit(record), &*record.told.rule));
        if let Some(held) = held
            && !is_alone
            && !before.is_some_and(|told| told.was_silenced(record))
        {
            due = due.max(after(*held, HOLD));
        }
        let is_over = record.state() == State::Resolved;
        let told = Told { opened: Some(self.now), resolved: is_over.then_some(self.now), ..noticed };
        Some(Untold { record, happened: Happened::Opened, due, told })
    }

    fn repeated(&self, record: &'a Record, told: &Told) -> Option<Untold<'a>> {
        let every = match (self.settings.kind, self.settings.repeat_every) {
            (_, Duration::ZERO) => return None,
            (NotifierKind::Event, every) => every.max(EVENT_REPEATS),
            (_, every) => every,
        };
        let due = after(told.last()?, every);
        if due > self.now || !self.wants(record) {
            return None;
        }
        let told = Told { repeated: Some(self.now), ..told.clone() };
        Some(Untold { record, happened: Happened::Repeated, due, told })
    }

    /// Whoever heard of the beginning hears of the end, whatever the finding is by then.
    fn resolved(&self, record: &'a Record, told: &Told) -> Option<Untold<'a>> {
        if told.resolved.is_some() || !self.settings.send_resolved {
            return None;
        }
        let wait = if self.settings.kind == NotifierKind::Event { Duration::ZERO } else { self.settings.group_wait };
        let due = after(record.changed_at, wait);
        let told = Told { resolved: Some(self.now), ..told.clone() };
        Some(Untold { record, happened: Happened::Resolved, due, told })
    }

    /// An end that is not to be told is not told when the settings change, either.
    fn pass_over_ends(&self, changes: &mut Changes) {
        for record in self.book.records().filter(|record| record.state() == State::Resolved) {
            let told = self.known.get(&record.told.fingerprint).filter(|told| told.is_of(record));
            if let Some(told) = told.filter(|told| told.opened.is_some() && told.resolved.is_none()) {
                self.mark(changes, record, Told { resolved: Some(self.now), ..told.clone() });
            }
        }
    }

    /// Groups of which something is due, with all that is untold of them; what else was seen is noticed.
    fn together(
        &self,
        untold: impl Iterator<Item = Untold<'a>>,
        changes: &mut Changes,
    ) -> Vec<((Happened, Group), Vec<Untold<'a>>)> {
        let mut groups: BTreeMap<(Happened, Group), Vec<Untold<'a>>> = BTreeMap::new();
        for untold in untold {
            groups.entry((untold.happened, Group::of(untold.record))).or_default().push(untold);
        }
        let (due, waiting): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(_, group)| group.iter().any(|untold| untold.due <= self.now));
        for untold in waiting.into_iter().flat_map(|(_, group)| group) {
            self.notice(changes, &untold);
        }
        due
    }

    /// Each finding by itself, the worst and the oldest first. What is new beyond the limit of one sweep is noticed.
    fn alone(&self, mut untold: Vec<Untold<'a>>, changes: &mut Changes) -> Vec<((Happened, Group), Vec<Untold<'a>>)> {
        untold.retain(|untold| event::has_object(untold.record));
        untold.sort_by_key(|untold| {
            let told = &untold.record.told;
            (Reverse(told.severity), untold.record.first_seen, &told.fingerprint)
        });
        let (again, new): (Vec<_>, Vec<_>) =
            untold.into_iter().partition(|untold| untold.happened == Happened::Repeated);
        for left in new.iter().skip(EVENTS) {
            self.notice(changes, left);
        }
        let now = new.into_iter().take(EVENTS).chain(again);
        now.map(|untold| ((untold.happened, Group::of(untold.record)), vec![untold])).collect()
    }

    fn notice(&self, changes: &mut Changes, untold: &Untold<'_>) {
        let is_new = self.known.get(&untold.record.told.fingerprint).is_none_or(|told| !told.is_of(untold.record));
        if untold.happened == Happened::Opened && is_new {
            self.mark(changes, untold.record, Told::noticed(untold.record, self.now));
        }
    }

    fn mark(&self, changes: &mut Changes, record: &Record, told: Told) {
        changes.told.push((self.settings.name.clone(), record.told.fingerprint.clone(), told));
    }

    fn item(&self, record: &Record) -> Item {
        Item::of(record, self.book.stale(record))
    }

    fn wants(&self, record: &Record) -> bool {
        let NotifierSettings { sources, min_severity, .. } = self.settings;
        sources.contains(&record.source)
            && record.told.severity >= *min_severity
            && self.settings.tells_of(record.told.subject.namespace.as_deref())
    }

    /// Whether a finding ended so lately that its opening, too, may have been missed.
    fn is_late(&self, record: &Record) -> bool {
        let Life::Resolved { at, .. } = &record.life else { return false };
        *at >= self.known.since && after(*at, LATE) >= self.now
    }
}

/// Whether a finding that ended was silenced then, so that its end is not told. Its record does not say so any more.
pub(super) fn was_silenced(book: &Book, record: &Record) -> bool {
    let Life::Resolved { at, .. } = &record.life else { return false };
    // Of what came in one second, rather too much is told than too little.
    let held = |silence: &&Silence| {
        silence.created_at < *at && *at < silence.until && silence.ended.is_none_or(|ended| *at < ended)
    };
    let mut silences = book.silences().filter(held);
    record.told.exemption.is_some() || silences.any(|silence| silence.matches.matches(record.source, &record.told))
}

/// What a rule is held for: an app or owner, and without one the pod or the host.
fn unit(record: &Record) -> Group {
    let group = Group::of(record);
    let subject = &record.told.subject;
    let place = || subject.pod.clone().or_else(|| subject.node.clone()).unwrap_or_default();
    let app = if group.app.is_empty() { format!("//{}", place()) } else { group.app };
    Group { app, ..group }
}

/// The whole second in which `duration` after `time` is over.
fn after(time: Time, duration: Duration) -> Time {
    let moment =
        jiff::Timestamp::from(time).checked_add(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX));
    Time::of(moment.unwrap_or(jiff::Timestamp::MAX))
}

/// What a preview shows: all that a notifier would say of these findings if nothing had been told yet and nobody waited.
pub(crate) fn rehearse(book: &Book, findings: &[&Record], settings: &NotifierSettings, now: Time) -> Vec<Message> {
    let known = OfNotifier::beginning(now);
    let teller = Teller { settings, known: &known, book, now, holds: HashMap::new() };
    let mut groups: BTreeMap<Group, Vec<Item>> = BTreeMap::new();
    let open = findings.iter().filter(|record| record.state() == State::Open && teller.wants(record));
    for record in open {
        groups.entry(Group::of(record)).or_default().push(teller.item(record));
    }
    let message = |group: &Group, items| Message::of(Happened::Opened, group.clone(), items, &[&settings.name]);
    let told = groups.into_iter().flat_map(|(group, items)| match settings.kind {
        NotifierKind::Event => items.into_iter().map(|item| message(&group, vec![item])).collect(),
        _ => vec![message(&group, items)],
    });
    told.collect()
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
