//! What is said of the pod of a match when everybody has been asked.
//!
//! Owns putting attribution and exemption together, and when that is the last word.

use api::Time;
use api::violation::ExemptScope;
use processes::cgroup::Place;

use crate::attribution::{Answer, Whose};
use crate::exemption::{Decision, decide};
use crate::subject::Subject;

/// What is said of a process at one moment.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) subject: Subject,
    /// The scope that exempts it.
    pub(super) exempt: Option<ExemptScope>,
    /// Asking again can bring nothing better.
    pub(super) is_settled: bool,
}

impl Asked {
    /// Asks whose a process at this place is, and whether one of these scopes exempts it.
    pub(super) fn about(place: &Place, scopes: &[ExemptScope], whose: &Whose, now: Time) -> Self {
        let answer = whose.answer(place);
        let (exempt, is_settled) = match &answer {
            Answer::Known(known) => match decide(scopes, known, now) {
                Decision::Exempt(scope) => (Some(scope.clone()), false),
                Decision::Undecided => (None, false),
                Decision::Not => (None, known.is_final()),
            },
            // Without a name there is nothing to ask for.
            Answer::Host | Answer::Unknown(_) => (None, place.candidates.is_empty()),
        };
        Self { subject: Subject::of(&answer, place, whose.node()), exempt, is_settled }
    }
}
