//! What a case of the contract is, and how it ends.
//!
//! Owns the words that cases are written in. What is asked and expected stands in the cases.

use std::pin::Pin;

use serde_json::Value;

use super::client::ClientError;
use super::ground::Ground;

/// One promise of the API, tried on a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) needs: Option<Need>,
    pub(super) run: fn(Ground) -> Running,
}

pub(super) type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// How a case ends.
pub(super) type Verdict = Result<(), Ending>;

/// What a server must offer for a case to mean anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Need {
    /// A minor version of Kubernetes 1, and what came with it.
    Version(u64, &'static str),
    /// The right to do this in all namespaces: verb, group, resource.
    Right(&'static str, &'static str, &'static str),
}

/// Why a case did not pass.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ending {
    /// The server differs from the contract.
    #[error(transparent)]
    Different(Box<Difference>),
    /// The server's version or permissions rule the case out.
    #[error("{0}")]
    Skipped(String),
    /// No answer came.
    #[error("no answer")]
    Broken(#[source] ClientError),
}

/// What was expected, and what came instead.
#[derive(Debug, thiserror::Error)]
#[error("{what}\n      expected {expected}\n           got {got}")]
pub(super) struct Difference {
    what: String,
    expected: Value,
    got: Value,
}

impl Ending {
    pub(super) fn different(what: &str, expected: &Value, got: &Value) -> Self {
        Self::Different(Box::new(Difference { what: what.to_owned(), expected: expected.clone(), got: got.clone() }))
    }
}

impl From<ClientError> for Ending {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotAllowed(why) => Self::Skipped(why),
            ClientError::Send(..) | ClientError::Receive(..) | ClientError::Silent(_) => Self::Broken(error),
        }
    }
}

/// The cases of a file, each named as its function.
macro_rules! cases {
    (@need) => { None };
    (@need $need:expr) => { Some($need) };
    ($($run:ident $(needs $need:expr)?),* $(,)?) => {
        pub(super) const CASES: &[super::case::Case] = &[$(super::case::Case {
            name: stringify!($run),
            needs: super::case::cases!(@need $($need)?),
            run: |ground| Box::pin($run(ground)),
        }),*];
    };
}
pub(super) use cases;
