//! Agents of nodes that are not there: what a collector meets when it asks thousands of nodes for their violations.
//!
//! Owns where they listen and how each of them behaves. One process answers as any number of agents, each on an address of its
//! own within 127.0.0.0/8, all on one port. Pods and nodes of a cluster are not needed; [`Agents::slices`] tells a cluster
//! where they are.
//!
//! ```text
//! Agents ──► 127.64.0.1:PORT ──► serve ──► manner: answers, slow, silent, dead, garbage, huge
//!        ──► 127.64.0.2:PORT              records, ETag, 304
//!        ──► slices of endpoints
//! ```

mod agent;
mod record;
mod serve;
mod slices;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use self::agent::Agent;
pub use self::agent::{Era, Garbage, Manner};
pub(crate) use self::slices::PER_SLICE;

/// Most agents: those of the largest cluster.
pub const MOST: u32 = 5_000;

/// What all agents have in common.
#[derive(Clone)]
pub struct Profile {
    /// What they know of themselves.
    pub era: Era,
    /// The bearer token they want; without it everybody is answered.
    pub token: Option<String>,
    /// Violations of each.
    pub records: u32,
    /// Seconds between two passes.
    pub interval_seconds: u32,
    /// Time of the first pass.
    pub now: Timestamp,
}

/// Agents that run. They end when this is dropped.
#[derive(Debug)]
pub struct Agents {
    all: Vec<Arc<Agent>>,
    port: u16,
    tasks: JoinSet<()>,
    /// The listener of each; `None`: nobody listens.
    listeners: Vec<Option<AbortHandle>>,
}

/// Why an agent does not listen.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// More than there may be.
    #[error("{0} agents are too many (accepted: up to {MOST})")]
    TooMany(u32),
    /// Descriptors may have run out: each takes one.
    #[error("failed to listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
}

impl Default for Profile {
    /// Four violations each, to everybody, as an agent of today.
    fn default() -> Self {
        let now = Timestamp::constant(1_795_233_600, 0);
        Self { era: Era::Present, token: None, records: 4, interval_seconds: 30, now }
    }
}

impl std::fmt::Debug for Profile {
    /// Without the token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { era, token: _, records, interval_seconds, now } = self;
        let mut profile = formatter.debug_struct("Profile");
        profile.field("era", era).field("records", records).field("interval_seconds", interval_seconds);
        profile.field("now", now).finish_non_exhaustive()
    }
}

impl Agents {
    /// Starts so many agents; each has made two passes.
    pub async fn start(count: u32, profile: &Profile) -> Result<Self, AgentsError> {
        if count > MOST {
            return Err(AgentsError::TooMany(count));
        }
        let all = (0..count).map(|nth| Arc::new(Agent::new(nth, profile))).collect();
        let listeners = (0..count).map(|_| None).collect();
        let mut started = Self { all, port: 0, tasks: JoinSet::new(), listeners };
        for nth in 0..started.all.len() {
            started.listen(nth).await?;
        }
        Ok(started)
    }

    /// The port of all of them.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Where an agent listens, or would.
    pub fn address(&self, nth: usize) -> SocketAddr {
        SocketAddr::from((ip(nth), self.port))
    }

    /// Name of an agent's node.
    pub fn node(&self, nth: usize) -> &str {
        &self.all[nth].node
    }

    /// From now on an agent behaves like this. One that is dead refuses connections, and those it had are gone.
    pub async fn set(&mut self, nth: usize, manner: Manner) -> Result<(), AgentsError> {
        let is_dead = manner == Manner::Dead;
        self.all[nth].set(manner);
        match (&self.listeners[nth], is_dead) {
            (Some(listener), true) => {
                listener.abort();
                self.listeners[nth] = None;
                // The socket is closed when the task has gone.
                while let Some(ended) = self.tasks.join_next().await {
                    if ended.is_err_and(|error| error.is_cancelled()) {
                        break;
                    }
                }
                Ok(())
            }
            (None, false) => self.listen(nth).await,
            (Some(_), false) | (None, true) => Ok(()),
        }
    }

    /// What an agent answers from now on, well-formed or not.
    pub fn set_records(&self, nth: usize, records: Vec<Value>) {
        self.all[nth].set_records(records);
    }

    /// What an agent has.
    pub fn records(&self, nth: usize) -> Vec<Value> {
        self.all[nth].records()
    }

    /// An agent has left out so many records for want of room.
    pub fn truncate(&self, nth: usize, left_out: u32) {
        self.all[nth].truncate(left_out);
    }

    /// An agent ends a pass: times and counts of what it has go on.
    pub fn pass(&self, nth: usize, at: Timestamp) {
        self.all[nth].pass(at);
    }

    /// An agent starts anew: no pass has ended, and it has no records.
    pub fn restart(&self, nth: usize) {
        self.all[nth].restart();
    }

    /// How often an agent was asked, and how often it answered that nothing is new.
    pub fn asked(&self, nth: usize) -> (u64, u64) {
        self.all[nth].asked()
    }

    /// EndpointSlices that list all agents as the endpoints of a Service, a hundred in each as real ones have; to be put
    /// into a cluster.
    pub fn slices(&self, namespace: &str, service: &str) -> Vec<Value> {
        let endpoints: Vec<Value> =
            self.all.iter().enumerate().map(|(nth, agent)| slices::endpoint(namespace, &agent.node, ip(nth))).collect();
        slices::of(namespace, service, self.port, &endpoints)
    }

    async fn listen(&mut self, nth: usize) -> Result<(), AgentsError> {
        let address = self.address(nth);
        let socket = TcpListener::bind(address).await.map_err(|error| AgentsError::Listen(address, error))?;
        if self.port == 0 {
            self.port = socket.local_addr().map_err(|error| AgentsError::Listen(address, error))?.port();
        }
        let agent = Arc::clone(&self.all[nth]);
        self.listeners[nth] = Some(self.tasks.spawn(serve::listen(socket, agent)));
        Ok(())
    }
}

/// The address of an agent: 127.64.0.1 is the first.
fn ip(nth: usize) -> Ipv4Addr {
    let nth = u32::try_from(nth).unwrap_or(u32::MAX);
    // Neither 0 nor 255 ends an address.
    let (block, host) = (nth / 254, nth % 254 + 1);
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 64, 0, 0)) + (block << 8) + host)
}

#[cfg(test)]
mod tests;
