//! Tokens that a cluster knows: who holds one, and whether it may.
//!
//! Owns what is asked, what is remembered and for how long. How a cluster is asked, the `Reviewer` knows.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::Clock;
use arc_swap::ArcSwap;
use axum::http::Method;
use sha2::{Digest, Sha256};

use super::answers::Answers;
use super::{Caller, Refusal, Reviewer, Unavailable, Verb, Verdict, Who, jwt};
use crate::percent;
use crate::settings::{KubernetesAuthSettings, Switch};

// An entry of callers is a hash and some 500 bytes of names, one of verdicts as much again: 10,000 of both are 10 MiB
// at most in practice. A token that finds no room costs one question more.
const ANSWERS: usize = 10_000;

/// Bytes of a path up to which a verdict is remembered: no route of this program has a longer one, and whoever asks for others
/// does not fill the memory with them.
const REMEMBERED_PATH: usize = 512;

/// How long a no is remembered: long enough to spare the cluster a client that tries again and again, short enough for
/// whoever has just been let in.
const NO: Duration = Duration::from_secs(10);

/// Decides on tokens of a cluster.
#[derive(Debug)]
pub(super) struct Review {
    /// The cluster, if there is one.
    reviewer: OnceLock<Arc<dyn Reviewer>>,
    settings: ArcSwap<KubernetesAuthSettings>,
    /// By SHA-256 of the token.
    callers: Answers<[u8; 32], Result<Option<Arc<Caller>>, Unavailable>>,
    verdicts: Answers<Question, Result<Verdict, Unavailable>>,
    clock: Arc<dyn Clock>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    caller: Arc<Caller>,
    verb: Verb,
    path: String,
}

impl Review {
    pub(super) fn new(settings: &KubernetesAuthSettings, clock: &Arc<dyn Clock>) -> Self {
        Self {
            reviewer: OnceLock::new(),
            settings: ArcSwap::from_pointee(settings.clone()),
            callers: Answers::new(ANSWERS, Arc::clone(clock)),
            verdicts: Answers::new(ANSWERS, Arc::clone(clock)),
            clock: Arc::clone(clock),
        }
    }

    /// From now on `reviewer` is asked. The first one stays.
    pub(super) fn ask(&self, reviewer: Arc<dyn Reviewer>) {
        self.reviewer.get_or_init(|| reviewer);
    }

    /// Takes changed settings; what was answered under others is forgotten.
    pub(super) fn apply(&self, settings: &KubernetesAuthSettings) {
        if **self.settings.load() != *settings {
            self.settings.store(Arc::new(settings.clone()));
            self.callers.clear();
            self.verdicts.clear();
        }
    }

    /// Whether tokens of a cluster are taken at all.
    pub(super) fn is_on(&self) -> bool {
        self.reviewer.get().is_some() && self.settings.load().enabled != Switch::Off
    }

    /// Whether the settings want what is not there.
    pub(super) fn lacks_a_cluster(&self) -> bool {
        self.reviewer.get().is_none() && self.settings.load().enabled == Switch::On
    }

    /// Whether `token` is one that a cluster may know.
    pub(super) fn is_for(&self, token: &[u8]) -> bool {
        self.is_on() && jwt::has_the_form(token)
    }

    /// Whether the holder of `token` may use `method` at `path`, which is as it was sent.
    pub(super) async fn decide(&self, token: &[u8], method: &Method, path: &str) -> Result<Who, Refusal> {
        let (Some(reviewer), Ok(text), Some(verb)) =
            (self.reviewer.get(), std::str::from_utf8(token), Verb::of(method))
        else {
            return Err(Refusal::Unknown);
        };
        let settings = self.settings.load_full();
        let who = async {
            let answer = reviewer.who(text, &settings.audiences).await.map(|caller| caller.map(Arc::new));
            let remember = remembered(&answer, Option::is_some, settings.cache);
            (answer, remember)
        };
        let caller = match self.callers.get(Sha256::digest(token).into(), who).await {
            Ok(Some(caller)) => caller,
            Ok(None) if jwt::has_expired(token, self.clock.now()) => return Err(Refusal::Expired),
            Ok(None) => return Err(Refusal::Unknown),
            Err(unavailable) => return Err(Refusal::Unavailable(unavailable)),
        };
        // A broken escape matches no rule but one for everything, and the handler refuses it.
        let path = percent::decode_path(path).map_or_else(|| path.to_owned(), Cow::into_owned);
        let question = Question { caller, verb, path };
        let may = async {
            let answer = reviewer.may(&question.caller, verb, &question.path).await;
            let remember = remembered(&answer, |verdict| *verdict == Verdict::Yes, settings.cache);
            (answer, remember)
        };
        let verdict = match question.path.len() {
            0..=REMEMBERED_PATH => self.verdicts.get(question.clone(), may).await,
            _ => may.await.0,
        };
        match verdict {
            Ok(Verdict::Yes) => Ok(Who::new(&question.caller.user)),
            Ok(Verdict::No { reason }) => Err(Refusal::Denied { user: question.caller.user.clone(), reason }),
            Err(unavailable) => Err(Refusal::Unavailable(unavailable)),
        }
    }
}

impl Verb {
    fn of(method: &Method) -> Option<Self> {
        Some(match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => return None,
        })
    }
}

/// What could not be asked is asked again by the next who comes.
fn remembered<T>(answer: &Result<T, Unavailable>, is_yes: impl Fn(&T) -> bool, yes: Duration) -> Duration {
    match answer {
        Ok(answer) if is_yes(answer) => yes,
        Ok(_) => NO,
        Err(_) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
