//! Who may use which route.
//!
//! Owns the question "whose credential is this, and may it?" and its two refusals, 401 and 403. Which scope a route
//! needs, the route says (`Routes`); tokens that only a cluster knows are not its matter.
//!
//! ```text
//! request ─► credential ─► token ─► scope of the route ─► handler
//!              │ 400, 401    │ 401     │ 403
//!              └── ten failures a second from one address: 429
//! ```

pub(crate) mod credential;
mod rate;
mod scope;
mod tokens;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use api::Clock;
use arc_swap::ArcSwap;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::warn;

use crate::Fault;
use crate::listener::Peer;
use crate::metrics::{AuthFailure, HttpMetrics, Refused};
use crate::settings::{AuthSettings, Switch};
use credential::Credential;
use rate::Failures;
pub use scope::Scope;
use tokens::{Token, Tokens};

/// The path parameter of a heartbeat that says for which agent it is.
const AGENT_ID: &str = "agent_id";

/// Lets requests pass to the routes that their credential is good for.
#[derive(Debug)]
pub(crate) struct Gate {
    rules: ArcSwap<Rules>,
    failures: Mutex<Failures>,
    clock: Arc<dyn Clock>,
    metrics: Arc<HttpMetrics>,
}

/// The scope that one route needs, and who asks for it.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) gate: Arc<Gate>,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
struct Rules {
    anonymous_reads: bool,
    tokens: Tokens,
}

/// What a request wants of a route.
#[derive(Debug, Clone, Copy)]
struct Wish<'a> {
    credential: Credential<'a>,
    scope: Scope,
    /// The agent that a heartbeat speaks for.
    agent: Option<&'a str>,
}

/// Why a request may not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// No credential where one is needed.
    Missing,
    /// A credential that is none of ours.
    Unknown,
    /// A token without the scope that the route needs.
    Scope { token: String, needed: Scope },
    /// A token that may not speak for this agent.
    Agent { token: String },
}

impl Gate {
    /// A gate for the tokens of `settings`.
    pub(crate) fn new(settings: &AuthSettings, clock: Arc<dyn Clock>, metrics: Arc<HttpMetrics>) -> Self {
        Self { rules: ArcSwap::from_pointee(Rules::of(settings)), failures: Mutex::default(), clock, metrics }
    }

    /// Takes changed settings; they hold for the next request.
    pub(crate) fn apply(&self, settings: &AuthSettings) {
        self.rules.store(Arc::new(Rules::of(settings)));
    }

    fn admit(&self, wish: &Wish<'_>, from: IpAddr) -> Result<(), Fault> {
        let now = self.clock.monotonic();
        if self.failures().is_barred(from, now) {
            self.metrics.refused(Refused::Rate);
            return Err(too_many_failures());
        }
        self.rules.load().decide(wish).map_err(|refusal| {
            self.metrics.auth_failed(refusal.reason());
            if refusal.is_guess() {
                self.failures().record(from, now);
            }
            refusal.into()
        })
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, Failures> {
        // Counters have no invariant that a panic could break.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn of(settings: &AuthSettings) -> Self {
        let rules = Self { anonymous_reads: settings.anonymous_reads, tokens: Tokens::of(settings) };
        if rules.tokens.is_empty() && !rules.anonymous_reads {
            warn!("nobody may use the api: set auth.tokens, or auth.anonymous_reads: true for reads without a token");
        }
        if settings.kubernetes.enabled == Switch::On {
            warn!("auth.kubernetes.enabled is true, but this process asks no cluster: its tokens are answered 401");
        }
        rules
    }

    fn decide(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        let token = match wish.credential {
            Credential::Missing if self.anonymous_reads && wish.scope == Scope::Read => return Ok(()),
            Credential::Missing => return Err(Refusal::Missing),
            Credential::Token(secret) => self.tokens.by_secret(secret),
            Credential::Certificate(name) => self.tokens.by_name(name),
            Credential::Unreadable => None,
        };
        token.ok_or(Refusal::Unknown)?.allow(wish)
    }
}

impl Token {
    fn allow(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        if !self.may(wish.scope) {
            return Err(Refusal::Scope { token: self.name.clone(), needed: wish.scope });
        }
        match wish.agent {
            Some(agent) if wish.scope == Scope::Beat && !self.may_beat_for(agent) => {
                Err(Refusal::Agent { token: self.name.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Refusal {
    fn reason(&self) -> AuthFailure {
        match self {
            Self::Missing => AuthFailure::Missing,
            Self::Unknown => AuthFailure::Unknown,
            Self::Scope { .. } | Self::Agent { .. } => AuthFailure::Scope,
        }
    }

    /// Whoever holds a valid token guesses nothing by asking for too much.
    fn is_guess(&self) -> bool {
        match self {
            Self::Missing | Self::Unknown => true,
            Self::Scope { .. } | Self::Agent { .. } => false,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => Self::unauthorized("this needs a token (accepted: Authorization: Bearer, X-API-Key)"),
            Refusal::Unknown => Self::unauthorized("the credential is not known here"),
            Refusal::Scope { token, needed } => {
                Self::forbidden(format!("the token `{token}` does not have the scope `{needed}` that this needs"))
            }
            Refusal::Agent { token } => Self::forbidden(format!(
                "the token `{token}` may not speak for this agent (its scope `beat` names others)"
            )),
        }
    }
}

fn too_many_failures() -> Fault {
    let detail = "too many failed credentials from this address within a second";
    Fault::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failures", detail).retry_after(1)
}

/// Asks the gate before the handler of a route runs.
pub(crate) async fn guard(
    State(Guard { gate, scope }): State<Guard>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
    let credential = Credential::of(request.headers(), peer.common_name.as_deref());
    let agent = params.iter().find(|(name, _)| *name == AGENT_ID).map(|(_, id)| id);
    match gate.admit(&Wish { credential, scope, agent }, peer.address.ip()) {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    }
}

#[cfg(test)]
mod tests;
