//! When something that was done is over.

use std::collections::HashMap;

use api::{Fingerprint, Time};

use super::later;
use crate::ledger::{Item, Ledger, Stand};
use crate::response::Response;
use crate::select::Cause;
use crate::settings::Settings;

/// Where findings are that something was done about.
pub(crate) type Causes = HashMap<(Response, Fingerprint), Cause>;

/// What may be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    /// Whatever is over.
    All,
    /// What somebody decided to end, not what merely was not seen any more.
    Deliberate,
    /// Nothing.
    Nothing,
}

/// Whether an item that is not asked for is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A finding that it was done about is open.
    Open,
    /// It is over.
    Over {
        /// When it is to be taken back.
        due: Time,
        /// Since when it is over.
        since: Time,
        /// Whether somebody decided so.
        deliberate: bool,
    },
}

/// How much is in force, and how much of it is over by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    pub(crate) in_force: usize,
    pub(crate) over: usize,
}

/// Judges an item by its findings.
pub(crate) fn verdict((response, item): (Response, &Item), causes: &Causes, settings: &Settings, now: Time) -> Verdict {
    let noticed = item.over.unwrap_or(now);
    if !settings.is_enabled(response) {
        return Verdict::Over { due: now, since: noticed, deliberate: true };
    }
    let held = |since: Time| (later(since, settings.hold), since);
    // What nobody knows the cause of has its time from when it was found.
    let mut last = item.findings.is_empty().then(|| held(item.since));
    let mut deliberate = !item.findings.is_empty();
    for fingerprint in item.findings.keys() {
        let cause = causes.get(&(response, fingerprint.clone())).copied().unwrap_or(Cause::Forgotten);
        let ended = match cause {
            Cause::Open => return Verdict::Open,
            Cause::Lifted => (noticed, noticed),
            Cause::Resolved(at) => held(at),
            Cause::Forgotten => held(noticed),
        };
        deliberate &= cause == Cause::Lifted;
        last = last.max(Some(ended));
    }
    let (due, since) = last.unwrap_or((noticed, noticed));
    Verdict::Over { due, since, deliberate }
}

/// How much of everything is over by itself, taken back or not.
pub(crate) fn count(ledger: &Ledger, causes: &Causes, settings: &Settings, now: Time) -> Count {
    let mut count = Count::default();
    for ((response, _), item) in ledger.items.iter().filter(|(_, item)| item.stand == Stand::InForce) {
        count.in_force += 1;
        let verdict = verdict((*response, item), causes, settings, now);
        count.over += usize::from(matches!(verdict, Verdict::Over { deliberate: false, .. }));
    }
    count
}

impl Count {
    /// Whether so much is over that it looks like blindness. One alone is no mass.
    pub(crate) const fn is_mass(self) -> bool {
        self.over > 1 && self.over * 2 > self.in_force
    }
}

impl Undo {
    /// Whether something that is over may be taken back now.
    pub(crate) fn allows(self, verdict: Verdict, now: Time) -> bool {
        match verdict {
            Verdict::Open => false,
            Verdict::Over { due, deliberate, .. } => match self {
                Self::All => due <= now,
                Self::Deliberate => deliberate && due <= now,
                Self::Nothing => false,
            },
        }
    }
}

impl Settings {
    /// Whether a response is switched on.
    pub(crate) const fn is_enabled(&self, response: Response) -> bool {
        match response {
            Response::WasmPlugin => self.wasm_plugin.enabled,
            Response::Notification => self.notification.enabled,
            Response::NamespaceLabel => self.namespace_label.enabled,
        }
    }

    /// Whether a response only rehearses.
    pub(crate) const fn is_dry_run(&self, response: Response) -> bool {
        let dry_run = match response {
            Response::WasmPlugin => self.wasm_plugin.dry_run,
            Response::Notification => self.notification.dry_run,
            Response::NamespaceLabel => self.namespace_label.dry_run,
        };
        self.dry_run || dry_run
    }

    /// How many a sweep may add, and how many may be in force.
    pub(crate) const fn limits(&self, response: Response) -> (usize, usize) {
        match response {
            Response::WasmPlugin => (self.wasm_plugin.max_per_sweep, self.wasm_plugin.max_active),
            Response::Notification => (self.notification.max_per_sweep, usize::MAX),
            Response::NamespaceLabel => (self.namespace_label.max_per_sweep, self.namespace_label.max_active),
        }
    }
}
