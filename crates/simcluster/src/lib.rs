//! A Kubernetes API server in memory, for tests, demonstrations and benchmarks.
//!
//! Modelled: discovery, lists with pages and snapshots, watches with resume and bookmarks, every write with field ownership,
//! dry runs, conflicts and finalizers, custom resources with structural schemas, reviews, tables, faults, pace, and the few
//! controllers that clients see. Not modelled: admission webhooks, the effect of RBAC objects, full defaulting and validation of
//! built-in kinds, CEL, conversion, protobuf, exec, attach, port-forward, scheduling by resources, quotas, compression; such a
//! request is answered 404 or 405 and counted as unknown.
//!
//! ```text
//! client ──► http ──► write ──► store ──► watchers ──► client
//!              │        │          │
//!           faults   patch,     agenda ──► motion (pods, workloads, garbage)
//!                    schema
//! ```
//!
//! Annotations steer what moves by itself:
//!
//! | annotation | on | does |
//! |---|---|---|
//! | `sim.keelwatch.io/pod-ip` | a pod | is the address it gets |
//! | `sim.keelwatch.io/usage` | a pod | multiplies what it uses of its requests |
//! | `sim.keelwatch.io/run` | a pod | is a command that runs in it besides, see [`nodes`] |
//! | `sim.keelwatch.io/dead` | a node | kills its agent: it is not ready after 40 s |

mod access;
pub mod agents;
mod base64;
#[cfg(test)]
mod behavior;
mod catalog;
mod clock;
mod cluster;
mod definition;
mod duration;
mod fault;
mod fault_text;
#[cfg(test)]
mod fixture;
mod founding;
mod hex;
mod http;
mod kind;
mod logs;
mod metrics;
mod motion;
mod names;
pub mod nodes;
mod page;
pub mod patch;
pub mod population;
mod query;
mod random;
#[cfg(test)]
mod recorded;
mod requests;
mod runs;
pub mod schema;
mod section;
mod selector;
mod server;
mod settings;
mod sim;
mod state;
mod status;
mod store;
mod tls;
mod usage;
mod user;
mod versions;
mod write;
mod yaml;

pub use access::AccessRule;
pub use clock::SimClock;
pub use cluster::{Census, LoadError};
pub use fault::{Counted, Effect, Fault, Filter};
pub use fault_text::FaultText;
pub use http::{Body, SimService};
pub use logs::LogAsk;
pub use requests::{Request, Seen};
pub use runs::{JobRun, Outcome};
pub use section::{Bearer, Section};
pub use server::ListenError;
pub use settings::{Offer, Pace, Settings};
pub use sim::{Builder, SimCluster};
pub use status::Status;
pub use user::{Bearers, Denied, User};
