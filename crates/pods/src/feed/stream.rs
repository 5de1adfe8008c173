//! One listener's stream: what there is, what was missed, what happens.
//!
//! Owns the order in which these come without a gap and without a change that is told twice. What is read comes in short pieces,
//! each at a known sequence number, while changes wait in the queue; after each piece those that it does not show already are
//! told.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::mpsc::error::TryRecvError;
use web::events::Event;

use super::{Listener, Missed, MissedPod, Place, Told, Verb};
use crate::filter::WatchFilter;
use crate::index::{Found, View};
use crate::json::{self, Detail};
use crate::pods::{Pods, State};
use crate::uid::Uid;

/// Pods that are read under one lock, which takes some 300 µs.
const PIECE: usize = 256;

/// How a stream begins.
#[derive(Debug)]
pub(crate) enum Start {
    /// With all pods.
    Initial,
    /// With what happens from now on.
    Now,
    /// With what was missed.
    Resume(Missed),
}

/// What of a change is known to be told by what was read.
enum Read {
    /// Every pod up to a place: the former piece's end, this one's (`None`: everything), and the number it was read at.
    Places { former: Option<Place>, end: Option<Place>, at: u64 },
    /// These pods, at this number.
    Pods { piece: HashSet<Uid>, at: u64 },
}

enum Phase {
    Walk { after: Option<Place> },
    CatchUp(Missed),
    Live,
    Ended,
}

struct Streaming {
    pods: Pods,
    filter: WatchFilter,
    listener: Listener,
    phase: Phase,
    /// Whether a client that must drop what it has is sent all pods.
    wants_initial: bool,
    out: VecDeque<Event>,
    /// The number of the last change that the client has seen or need not see.
    last: u64,
}

/// The events of a listener. `reset` says that a client which comes back must drop what it has.
pub(crate) fn stream(
    pods: Pods,
    filter: WatchFilter,
    listener: Listener,
    start: Start,
    (wants_initial, is_reset): (bool, bool),
) -> impl Stream<Item = Event> + Send {
    let mut out = VecDeque::new();
    if is_reset {
        out.push_back(Event::of_json("reset", "{}"));
    }
    let mut streaming = Streaming { pods, filter, listener, phase: Phase::Live, wants_initial, out, last: 0 };
    match start {
        Start::Initial => streaming.phase = Phase::Walk { after: None },
        Start::Now => {
            streaming.last = streaming.pods.read(|state| state.feed.sequence);
            streaming.push_synced();
        }
        Start::Resume(missed) => streaming.phase = Phase::CatchUp(missed),
    }
    futures_util::stream::unfold(streaming, |mut streaming| async move {
        let event = streaming.next().await?;
        Some((event, streaming))
    })
}

impl Streaming {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            match std::mem::replace(&mut self.phase, Phase::Live) {
                Phase::Walk { after } => self.walk(after),
                Phase::CatchUp(missed) => self.catch_up(missed),
                Phase::Live => match self.listener.queue.recv().await {
                    Some(told) => self.push(&told, true),
                    None => self.end(),
                },
                Phase::Ended => {
                    self.phase = Phase::Ended;
                    return None;
                }
            }
        }
    }

    /// Reads a piece of all pods.
    fn walk(&mut self, after: Option<Place>) {
        let (filter, out) = (&self.filter, &mut self.out);
        let (end, at) = self.pods.read(|state| {
            let mut views = state.index.after(after.as_ref());
            let mut end = None;
            for view in views.by_ref().take(PIECE) {
                end = Some(Place::of(&view));
                if view.died().is_none() && filter.matches(&view) {
                    let body = json::pod(&view, Detail::Full(&state.rule));
                    out.push_back(Event::of_json(Verb::Added.as_str(), &body));
                }
            }
            let is_over = views.next().is_none();
            (end.filter(|_| !is_over), state.feed.sequence)
        });
        let next = end.clone();
        if !self.drain(&Read::Places { former: after, end, at }) {
            return;
        }
        match next {
            Some(after) => self.phase = Phase::Walk { after: Some(after) },
            None => self.push_synced(),
        }
    }

    /// Reads what has become of some pods that have changed.
    fn catch_up(&mut self, mut missed: Missed) {
        let pods: Vec<MissedPod> = missed.pods.drain(..PIECE.min(missed.pods.len())).collect();
        let (filter, out) = (&self.filter, &mut self.out);
        let at = self.pods.read(|state| {
            for pod in &pods {
                let (verb, body) = match what_became_of(pod, state, filter) {
                    Became::Told(verb, body) => (verb, body),
                    Became::Nothing => continue,
                    Became::Forgotten => return None,
                };
                out.push_back(Event::of_json(verb.as_str(), &body));
            }
            Some(state.feed.sequence)
        });
        let Some(at) = at else {
            self.reset();
            return;
        };
        let piece: HashSet<Uid> = pods.into_iter().map(|pod| pod.uid).collect();
        missed.waiting.retain(|uid| !piece.contains(uid));
        let is_over = missed.pods.is_empty();
        self.phase = Phase::CatchUp(missed);
        if self.drain(&Read::Pods { piece, at }) && is_over {
            self.phase = Phase::Live;
            // From here on the client can come back to this point.
            if let Some(event) = self.out.pop_back() {
                let id = self.pods.read(|state| state.feed.id(self.last));
                self.out.push_back(event.with_id(&id));
            }
        }
    }

    /// The history does not tell enough: all over again.
    fn reset(&mut self) {
        self.out.push_back(Event::of_json("reset", "{}"));
        // What has been queued is shown by what is read from now on, or is told again by its number.
        self.phase = if self.wants_initial { Phase::Walk { after: None } } else { Phase::Live };
        if !self.wants_initial {
            self.last = self.pods.read(|state| state.feed.sequence);
            self.push_synced();
        }
    }

    /// Tells the changes that wait in the queue, but for those that what was read shows or will show. False if the stream has ended.
    fn drain(&mut self, read: &Read) -> bool {
        self.last = self.last.max(read.at());
        loop {
            match self.listener.queue.try_recv() {
                Ok(told) => {
                    self.last = self.last.max(told.delta.sequence);
                    let waiting =
                        |uid: &Uid| matches!(&self.phase, Phase::CatchUp(missed) if missed.waiting.contains(uid));
                    if !waiting(&told.delta.at.uid) && !read.shows(&told) {
                        self.push(&told, false);
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {
                    self.end();
                    return false;
                }
            }
        }
    }

    fn push(&mut self, told: &Told, with_id: bool) {
        let Told { verb, delta } = told;
        if with_id && delta.sequence <= self.last {
            return;
        }
        let event = Event::of_json(verb.as_str(), &delta.body);
        let id = |sequence: u64| self.pods.read(|state| state.feed.id(sequence));
        let event = if with_id { event.with_id(&id(delta.sequence)) } else { event };
        self.out.push_back(event);
    }

    fn push_synced(&mut self) {
        let id = self.pods.read(|state| state.feed.id(self.last));
        self.out.push_back(Event::of_json("synced", "{}").with_id(&id));
    }

    /// The queue was full.
    fn end(&mut self) {
        self.out.push_back(Event::of_json("lag", "{}"));
        self.phase = Phase::Ended;
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.pods.write(|state| state.feed.unsubscribe(self.listener.id));
    }
}

impl Read {
    const fn at(&self) -> u64 {
        match self {
            Self::Places { at, .. } | Self::Pods { at, .. } => *at,
        }
    }

    /// Whether the client has seen this change by what was read, or will by what is still to be read.
    fn shows(&self, told: &Told) -> bool {
        let delta: &Arc<_> = &told.delta;
        match self {
            Self::Places { former, end, at } => {
                let is_ahead = end.as_ref().is_some_and(|end| delta.at > *end);
                let is_behind = former.as_ref().is_some_and(|former| delta.at <= *former);
                is_ahead || (!is_behind && delta.sequence <= *at)
            }
            Self::Pods { piece, at } => piece.contains(&delta.at.uid) && delta.sequence <= *at,
        }
    }
}

enum Became {
    Told(Verb, String),
    /// Nothing that concerns the client.
    Nothing,
    /// It is not known any more.
    Forgotten,
}

fn what_became_of(pod: &MissedPod, state: &State, filter: &WatchFilter) -> Became {
    let told = |verb, view: &View<'_>| Became::Told(verb, json::pod(view, Detail::Full(&state.rule)));
    match (state.index.exactly(&pod.uid, state.now()), pod.was_added) {
        (Found::Live(view), was_added) if filter.matches(&view) => {
            told(if was_added { Verb::Added } else { Verb::Modified }, &view)
        }
        (Found::Live(view), false) if pod.refiltered => told(Verb::Deleted, &view),
        (Found::Tombstone(view), false) if pod.refiltered || filter.matches(&view) => told(Verb::Deleted, &view),
        (Found::Live(_) | Found::Tombstone(_), _) | (Found::Missing | Found::Ambiguous(_), true) => Became::Nothing,
        (Found::Missing | Found::Ambiguous(_), false) => Became::Forgotten,
    }
}
