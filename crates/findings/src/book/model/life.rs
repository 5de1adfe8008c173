//! One finding of the model: what the table of lives says.

use api::Severity;
use api::finding::State;

use crate::fixture::HOUR;

/// One finding, as the table says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Life {
    pub(super) state: State,
    pub(super) severity: Severity,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
    pub(super) reopened: u64,
    pub(super) episode: u64,
    pub(super) resolved: i64,
    pub(super) silence: Option<String>,
    /// Rounds whose end saw it, and the round that saw it last.
    pub(super) looks: Vec<u64>,
    pub(super) seen: u64,
    /// Last seen, count and looks in the database.
    pub(super) stored: (i64, u64, Vec<u64>),
    pub(super) history: Vec<&'static str>,
}

impl Life {
    pub(super) fn store(&mut self) {
        self.stored = (self.last, self.count, self.looks.clone());
    }

    /// Opens or goes on; silenced if a silence holds.
    fn begin(&mut self, silence: Option<String>) {
        self.episode += 1;
        self.looks.clear();
        self.state = if silence.is_some() { State::Silenced } else { State::Open };
        self.history.extend(silence.is_some().then_some("silenced"));
        self.silence = silence;
    }

    pub(super) fn mute(&mut self, silence: Option<String>) {
        self.episode += u64::from(silence.is_none());
        self.state = if silence.is_some() { State::Silenced } else { State::Open };
        self.history.push(if silence.is_some() { "silenced" } else { "unsilenced" });
        self.silence = silence;
        self.store();
    }
}

/// What a sighting makes of what is known.
pub(super) fn see(known: Option<Life>, (now, severity): (i64, Severity), silence: Option<String>) -> Life {
    match known {
        None => begin(now, severity, silence, (0, Vec::new())),
        Some(life) if life.state == State::Resolved => {
            let now = now.max(life.resolved);
            if now - life.resolved >= 24 * HOUR {
                return begin(now, severity, silence, (life.episode, life.history));
            }
            let mut life = Life { severity, last: now, count: life.count + 1, reopened: life.reopened + 1, ..life };
            life.history.push("reopened");
            life.begin(silence);
            life.store();
            life
        }
        Some(life) => goes_on(life, now, severity, silence),
    }
}

fn begin(
    now: i64,
    severity: Severity,
    silence: Option<String>,
    (episode, mut history): (u64, Vec<&'static str>),
) -> Life {
    history.push("opened");
    let (first, last, count, reopened, resolved, seen) = (now, now, 1, 0, 0, 0);
    let (state, looks, stored) = (State::Open, Vec::new(), (now, 1, Vec::new()));
    let mut life = Life {
        state,
        severity,
        first,
        last,
        count,
        reopened,
        episode,
        resolved,
        silence: None,
        looks,
        seen,
        stored,
        history,
    };
    life.begin(silence);
    life
}

fn goes_on(mut life: Life, now: i64, severity: Severity, silence: Option<String>) -> Life {
    (life.last, life.count) = (now.max(life.last), life.count + 1);
    let is_changed = severity != life.severity;
    life.severity = severity;
    life.history.extend(is_changed.then_some("changed"));
    if silence != life.silence {
        life.mute(silence);
    }
    if is_changed || life.last - life.stored.0 >= 60 {
        life.store();
    }
    life
}
