//! What comes into the inbox of the watch.
//!
//! Owns the messages only. `reader`, `events` and `control` send them, `watch` takes them.

use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use crate::evidence::Findings;
use crate::hash::Hash;
use crate::look::{Fresh, Seen};
use crate::matches::ConnectorState;
use crate::rules::RuleSet;
use crate::settings::Settings;
use crate::tree::Listing;

/// What comes into the inbox.
#[derive(Debug)]
pub(crate) enum Message {
    Answered(Answered),
    Events(Vec<ProcessEvent>),
    Connector(ConnectorState),
    Control(Control),
}

/// What the owner of the watch asks of it.
#[derive(Debug)]
pub(crate) enum Control {
    Reload(Box<Settings>, Arc<RuleSet>),
    PassNow,
    Stop,
}

/// What was answered.
#[derive(Debug)]
pub(crate) enum Answer {
    List(Result<Listing, Errno>, Option<Duration>),
    Look(Vec<Seen>),
    Evidence(Option<Findings>),
    Hash(Option<Hash>),
    Limit,
}

/// An answer, who gave it, and what it cost.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) generation: u64,
    pub(crate) answer: Answer,
    pub(crate) cpu: Duration,
}

/// What the watch is told.
#[derive(Debug)]
pub(crate) enum ProcessEvent {
    /// A process executed a program; everything it shows, and its cgroup.
    Exec(Box<Fresh>, Option<Vec<u8>>),
    /// A process ended.
    Exit(u32),
    /// Events were lost: a pass has to find what they would have told.
    Lost,
}
