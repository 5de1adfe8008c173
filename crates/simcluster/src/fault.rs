//! What goes wrong on purpose.
//!
//! Owns the list of faults, which of them a request meets, and what they do to a watch. Carrying them out is `http`'s.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::random::Random;

/// A fault: which requests meet it, how often, and what it does. The first in the list that fits is met.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which requests; what is left out fits all.
    pub on: Filter,
    /// How many fitting requests are spared first.
    pub skip: u64,
    /// How many requests meet it; `None`: all.
    pub times: Option<u64>,
    /// Share of the fitting requests that meet it, 0 to 1, by the seed.
    pub share: f64,
    /// What happens.
    pub effect: Effect,
}

/// Which requests a fault is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// For example `list`.
    pub verb: Option<String>,
    /// For example `pods`.
    pub resource: Option<String>,
    /// Namespace of the path.
    pub namespace: Option<String>,
    /// Name of the path.
    pub name: Option<String>,
    /// A part of the user agent.
    pub user_agent: Option<String>,
    /// Only watches, or none of them.
    pub watch: Option<bool>,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The answer waits that long: between the two.
    Latency(Duration, Duration),
    /// Another answer than asked for.
    Status {
        /// HTTP status.
        code: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The connection is reset after that many bytes of the body.
    ResetAfter(usize),
    /// The request stays open without an answer.
    Stall,
    /// A watch ends after that many events, those that it begins with among them; bookmarks do not count.
    DropWatch(u64),
    /// A watch falls silent after that many events, counted as those of [`Effect::DropWatch`]. It stays open beyond its own
    /// time, until the client goes or the server ends all watches.
    StallWatch(u64),
    /// A watch is told 410 in the stream.
    ExpireWatch,
    /// A continue token is told 410, with a fresh one to go on with; requests without a token do not meet it.
    ExpireContinue,
    /// Every event comes twice.
    RepeatEvent,
    /// One object has a wrong shape: that of a GET, the first of a page, that of the first event of a watch.
    UndecodableItem,
    /// The body breaks off in the middle. A watch is told half an event, on a line of its own behind what it begins with, and
    /// goes on with whole ones: what the client makes of the line is its own decision, and none of them loses a change.
    MalformedJson,
    /// A watch gets no bookmarks but the one that ends its initial events.
    NoBookmarks,
    /// The clock of the answer, and of new objects, is off by this.
    Skew(jiff::SignedDuration),
    /// Connections are refused for that long.
    Down(Duration),
}

/// What a request is, as far as faults look at it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meeting<'a> {
    pub(crate) verb: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) user_agent: &'a str,
    /// Whether it continues a list.
    pub(crate) continues: bool,
}

/// What a watch meets, if anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct WatchFault(pub(crate) Option<Effect>);

/// A fault with how often it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The fault.
    pub fault: Fault,
    /// Requests that fitted.
    pub fitted: u64,
    /// Requests that met it.
    pub met: u64,
}

/// The faults that are set.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<(Vec<Counted>, Random)>);

impl Fault {
    /// A fault that every request meets.
    pub fn new(effect: Effect) -> Self {
        Self { on: Filter::default(), skip: 0, times: None, share: 1.0, effect }
    }

    /// Only requests of this verb on this resource, for example `list` and `pods`.
    #[must_use]
    pub fn on(mut self, verb: &str, resource: &str) -> Self {
        self.on.verb = Some(verb.to_owned());
        self.on.resource = Some(resource.to_owned());
        self
    }

    /// Only that many requests.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Spares that many requests first.
    #[must_use]
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }
}

impl Filter {
    fn fits(&self, meeting: &Meeting<'_>) -> bool {
        let fits = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let Self { verb, resource, namespace, name, user_agent, watch } = self;
        fits(verb, meeting.verb)
            && fits(resource, meeting.resource)
            && fits(namespace, meeting.namespace)
            && fits(name, meeting.name)
            && user_agent.as_deref().is_none_or(|part| meeting.user_agent.contains(part))
            && watch.is_none_or(|watch| watch == (meeting.verb == "watch"))
    }
}

impl Effect {
    /// Word of this effect in settings and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(..) => "latency",
            Self::Status { .. } => "status",
            Self::ResetAfter(_) => "reset_after",
            Self::Stall => "stall",
            Self::DropWatch(_) => "drop_watch",
            Self::StallWatch(_) => "stall_watch",
            Self::ExpireWatch => "expire_watch",
            Self::ExpireContinue => "expire_continue",
            Self::RepeatEvent => "repeat_event",
            Self::UndecodableItem => "undecodable_item",
            Self::MalformedJson => "malformed_json",
            Self::NoBookmarks => "no_bookmarks",
            Self::Skew(_) => "skew",
            Self::Down(_) => "down",
        }
    }

    /// How long nobody listens.
    pub(crate) fn outage(&self) -> Option<Duration> {
        if let Self::Down(length) = self { Some(*length) } else { None }
    }

    /// Whether a request can meet this at all: watches do not end in lists.
    fn concerns(&self, meeting: &Meeting<'_>) -> bool {
        match self {
            Self::DropWatch(_) | Self::StallWatch(_) | Self::ExpireWatch | Self::RepeatEvent | Self::NoBookmarks => {
                meeting.verb == "watch"
            }
            Self::ExpireContinue => meeting.verb == "list" && meeting.continues,
            Self::UndecodableItem => matches!(meeting.verb, "list" | "watch" | "get"),
            Self::Latency(..)
            | Self::Status { .. }
            | Self::ResetAfter(_)
            | Self::Stall
            | Self::MalformedJson
            | Self::Skew(_) => true,
            Self::Down(_) => false,
        }
    }
}

impl WatchFault {
    /// Whether no event is let through any more after `told`.
    pub(crate) fn is_spent(&self, told: u64) -> bool {
        matches!(self.0, Some(Effect::DropWatch(events) | Effect::StallWatch(events)) if told >= events)
    }

    /// Whether the watch stays open when it is spent.
    pub(crate) fn stalls(&self) -> bool {
        matches!(self.0, Some(Effect::StallWatch(_)))
    }

    pub(crate) fn breaks_a_line(&self) -> bool {
        self.0 == Some(Effect::MalformedJson)
    }

    pub(crate) fn expires(&self) -> bool {
        self.0 == Some(Effect::ExpireWatch)
    }

    pub(crate) fn repeats(&self) -> bool {
        self.0 == Some(Effect::RepeatEvent)
    }

    pub(crate) fn hides_bookmarks(&self) -> bool {
        self.0 == Some(Effect::NoBookmarks)
    }

    /// The object of an event as the fault leaves it; `told` events came before.
    pub(crate) fn disturb(&self, object: Bytes, told: u64) -> Bytes {
        if told == 0 && self.0 == Some(Effect::UndecodableItem) { undecodable(&object) } else { object }
    }
}

/// The object with a status and labels that no client can decode.
pub(crate) fn undecodable(object: &[u8]) -> Bytes {
    let mut value: Value = serde_json::from_slice(object).unwrap_or_default();
    value["metadata"]["labels"] = "not a map".into();
    value["status"] = "not an object".into();
    Bytes::from(value.to_string())
}

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>, seed: u64) -> Self {
        Self(Mutex::new((counted(faults), Random::new(seed ^ 0xfa17))))
    }

    pub(crate) fn set(&self, faults: Vec<Fault>) {
        self.lock().0 = counted(faults);
    }

    pub(crate) fn counted(&self) -> Vec<Counted> {
        self.lock().0.clone()
    }

    /// What a request meets.
    pub(crate) fn meet(&self, meeting: &Meeting<'_>) -> Option<Effect> {
        let mut guard = self.lock();
        let (faults, random) = &mut *guard;
        for counted in faults {
            let Fault { on, skip, times, share, effect } = &counted.fault;
            if !on.fits(meeting) || !effect.concerns(meeting) {
                continue;
            }
            counted.fitted += 1;
            let is_over = times.is_some_and(|times| counted.met >= times);
            if counted.fitted <= *skip || is_over || (*share < 1.0 && !random.chance(*share)) {
                continue;
            }
            counted.met += 1;
            return Some(effect.clone());
        }
        None
    }

    /// A duration between two, by the seed.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> Duration {
        let spread = u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(0);
        from + Duration::from_millis(self.lock().1.next() % (spread + 1))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<Counted>, Random)> {
        self.0.lock().expect("no one panics while faults are looked at")
    }
}

fn counted(faults: Vec<Fault>) -> Vec<Counted> {
    faults.into_iter().map(|fault| Counted { fault, fitted: 0, met: 0 }).collect()
}
