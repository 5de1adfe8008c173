//! Who may use which route.
//!
//! Owns the question "whose credential is this, and may it?" and its refusals, 401, 403 and 503. Which scope a route
//! needs, the route says (`Routes`); how a cluster is asked about its tokens, the `Reviewer` knows.
//!
//! ```text
//! request ─► credential ─┬─► token of ours ─► scope of the route ─► handler
//!              │ 400     │     │ 401            │ 403
//!              │         ├─► user of the route (basic auth)
//!              │         └─► token of a cluster ─► Reviewer: who? may it?
//!              │               │ 401, 503            │ 403, 503
//!              └── ten failures a second from one address: 429
//! ```

mod answers;
mod basic;
pub(crate) mod credential;
mod jwt;
mod rate;
mod review;
mod reviewer;
mod scope;
mod tokens;
mod who;

use std::net::SocketAddr;
use std::sync::Arc;

use api::Clock;
use arc_swap::ArcSwap;
use axum::http::{HeaderMap, Method, StatusCode};
use tracing::warn;

use crate::Fault;
use crate::listener::Peer;
use crate::metrics::{AuthFailure, HttpMetrics, Refused};
use crate::routes::Params;
use crate::settings::AuthSettings;
pub use basic::BasicAuth;
use credential::Credential;
use rate::Failures;
use review::Review;
pub use reviewer::{Caller, Reviewer, Unavailable, Verb, Verdict};
pub use scope::Scope;
use tokens::{Token, Tokens};
pub use who::Who;

/// The path parameter of a heartbeat that says for which agent it is.
const AGENT_ID: &str = "agent_id";

/// When to come back while the cluster cannot be asked: about as long as a client of it pauses between two tries.
const AUTH_RETRY_S: u32 = 2;

/// Lets requests pass to the routes that their credential is good for.
#[derive(Debug)]
pub(crate) struct Gate {
    rules: ArcSwap<Rules>,
    review: Review,
    failures: Failures,
    clock: Arc<dyn Clock>,
    metrics: Arc<HttpMetrics>,
}

/// What a route needs of whoever asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Needs {
    pub(crate) scope: Scope,
    /// Users of this route alone.
    pub(crate) basic: Option<BasicAuth>,
}

/// A request as the gate sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) method: &'a Method,
    /// As it was sent.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) params: &'a Params,
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
    /// Users of this route alone.
    basic: Option<&'a BasicAuth>,
}

/// Why a request may not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// No credential where one is needed.
    Missing,
    /// A credential that is none of ours.
    Unknown,
    /// A token of a cluster that was good once.
    Expired,
    /// A token without the scope that the route needs.
    Scope { token: String, needed: Scope },
    /// A token that may not speak for this agent.
    Agent { token: String },
    /// A user whom the cluster's access rules do not let in.
    Denied { user: String, reason: String },
    /// A token that only a cluster knows, which cannot be asked.
    Unavailable(Unavailable),
}

impl Gate {
    /// A gate for the tokens of `settings`.
    pub(crate) fn new(settings: &AuthSettings, clock: Arc<dyn Clock>, metrics: Arc<HttpMetrics>) -> Self {
        let rules = ArcSwap::from_pointee(Rules::of(settings));
        let review = Review::new(&settings.kubernetes, &clock);
        Self { rules, review, failures: Failures::default(), clock, metrics }
    }

    /// Tokens of a cluster are taken from now on, as the settings say.
    pub(crate) fn ask(&self, reviewer: Arc<dyn Reviewer>) {
        self.review.ask(reviewer);
    }

    /// Takes changed settings; they hold for the next request.
    pub(crate) fn apply(&self, settings: &AuthSettings) {
        self.rules.store(Arc::new(Rules::of(settings)));
        self.review.apply(&settings.kubernetes);
    }

    /// Says in the log if nobody can use the API that is served on `address`, and what to set.
    pub(crate) fn warn_if_closed(&self, address: SocketAddr) {
        let rules = self.rules.load();
        if self.review.lacks_a_cluster() {
            warn!("auth.kubernetes.enabled is true, but this process asks no cluster: its tokens are answered 401");
        }
        if rules.tokens.is_empty() && !rules.anonymous_reads && !self.review.is_on() {
            warn!(
                %address,
                "nobody may use the api on {address}: set auth.tokens, or auth.anonymous_reads: true for reads without \
                 a token; only probes answer until then"
            );
        }
    }

    /// Lets a request pass to the route and says whose it is, or says why not.
    pub(crate) async fn admit(&self, asking: Asking<'_>, needs: &Needs) -> Result<Who, Fault> {
        let Asking { peer, method, path, headers, params } = asking;
        let from = peer.address.ip();
        let now = self.clock.monotonic();
        if self.failures.is_barred(from, now) {
            self.metrics.refused(Refused::Rate);
            return Err(too_many_failures());
        }
        let credential = Credential::of(headers, peer.common_name.as_deref());
        let Needs { scope, basic } = needs;
        let wish = Wish { credential, scope: *scope, agent: params.get(AGENT_ID), basic: basic.as_ref() };
        let decided = self.rules.load().decide(&wish);
        let decided = match (decided, credential) {
            (Err(Refusal::Unknown), Credential::Bearer(token)) if self.review.is_for(token) => {
                // Large and rare: kept out of what every request is made of and moved with.
                Box::pin(self.review.decide(token, method, path)).await
            }
            (decided, _) => decided,
        };
        decided.map_err(|refusal| {
            self.metrics.auth_failed(refusal.reason());
            if refusal.is_guess() {
                self.failures.record(from, now);
            }
            refusal.into()
        })
    }
}

impl Rules {
    fn of(settings: &AuthSettings) -> Self {
        Self { anonymous_reads: settings.anonymous_reads, tokens: Tokens::of(settings) }
    }

    fn decide(&self, wish: &Wish<'_>) -> Result<Who, Refusal> {
        let token = match wish.credential {
            Credential::Missing if self.anonymous_reads && wish.scope == Scope::Read => return Ok(Who::anonymous()),
            Credential::Missing => return Err(Refusal::Missing),
            Credential::Basic(encoded) if wish.basic.is_some_and(|users| users.knows(encoded)) => {
                return Ok(Who::of_route());
            }
            Credential::Bearer(secret) | Credential::Key(secret) => self.tokens.by_secret(secret),
            Credential::Certificate(name) => self.tokens.by_name(name),
            Credential::Basic(_) | Credential::Unreadable => None,
        };
        token.ok_or(Refusal::Unknown)?.allow(wish)
    }
}

impl Token {
    fn allow(&self, wish: &Wish<'_>) -> Result<Who, Refusal> {
        if !self.may(wish.scope) {
            return Err(Refusal::Scope { token: self.name.clone(), needed: wish.scope });
        }
        match wish.agent {
            Some(agent) if wish.scope == Scope::Beat && !self.may_beat_for(agent) => {
                Err(Refusal::Agent { token: self.name.clone() })
            }
            Some(_) | None => Ok(Who::new(&self.name)),
        }
    }
}

impl Refusal {
    fn reason(&self) -> AuthFailure {
        match self {
            Self::Missing => AuthFailure::Missing,
            Self::Unknown => AuthFailure::Unknown,
            Self::Expired => AuthFailure::Expired,
            Self::Scope { .. } | Self::Agent { .. } | Self::Denied { .. } => AuthFailure::Scope,
            Self::Unavailable(_) => AuthFailure::Unavailable,
        }
    }

    /// Whoever holds a valid token guesses nothing by asking for too much.
    fn is_guess(&self) -> bool {
        match self {
            Self::Missing | Self::Unknown | Self::Expired => true,
            Self::Scope { .. } | Self::Agent { .. } | Self::Denied { .. } | Self::Unavailable(_) => false,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => Self::unauthorized("this needs a token (accepted: Authorization: Bearer, X-API-Key)"),
            Refusal::Unknown => Self::unauthorized("the credential is not known here"),
            Refusal::Expired => Self::unauthorized("the token has expired"),
            Refusal::Scope { token, needed } => {
                Self::forbidden(format!("the token `{token}` does not have the scope `{needed}` that this needs"))
            }
            Refusal::Agent { token } => Self::forbidden(format!(
                "the token `{token}` may not speak for this agent (its scope `beat` names others)"
            )),
            Refusal::Denied { user, reason } => {
                let why = if reason.is_empty() { "no access rule of the cluster lets it in" } else { &reason };
                Self::forbidden(format!("`{user}` may not do this: {why}"))
            }
            Refusal::Unavailable(why) => {
                warn!("failed to ask the cluster about a token: {why}");
                let detail = "the cluster that knows this token cannot be asked now (other tokens work)";
                Self::unavailable("auth-unavailable", detail, AUTH_RETRY_S)
            }
        }
    }
}

fn too_many_failures() -> Fault {
    let detail = "too many failed credentials from this address within a second";
    Fault::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failures", detail).retry_after(1)
}

#[cfg(test)]
mod tests;
