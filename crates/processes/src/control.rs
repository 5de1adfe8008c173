//! What a running watch is told, and what it remembers to do about it.
//!
//! Owns the handle that others hold, and the order of what is wanted. Doing it is `watch`'s job.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crate::inbox::{Control, Message};
use crate::rules::RuleSet;
use crate::settings::Settings;

/// What is to be done as soon as nothing is under way.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    early: Early,
    /// The last pass was one for a loss: another loss waits for the next one, or the CPU share would be nothing.
    loss_served: bool,
    pub(crate) stop: bool,
    pub(crate) reload: Option<(Box<Settings>, Arc<RuleSet>)>,
}

/// Why a pass is wanted before its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Early {
    #[default]
    No,
    /// Events were lost.
    Loss,
    /// Somebody asked.
    Asked,
}

/// Asks a running watch for something. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle(SyncSender<Message>);

impl Handle {
    pub(crate) fn new(inbox: SyncSender<Message>) -> Self {
        Self(inbox)
    }

    /// Judges everything again, by these rules and settings. The settings have been checked. What applies at start only
    /// stays as it was.
    pub fn reload(&self, settings: Settings, rules: Arc<RuleSet>) {
        self.control(Control::Reload(Box::new(settings), rules));
    }

    /// Starts a pass as soon as nothing is under way.
    pub fn pass_now(&self) {
        self.control(Control::PassNow);
    }

    /// Ends the watch after what is under way.
    pub fn stop(&self) {
        self.control(Control::Stop);
    }

    fn control(&self, control: Control) {
        // A watch that has ended needs nothing any more.
        let _ = self.0.send(Message::Control(control));
    }
}

impl Wanted {
    pub(crate) fn take(&mut self, control: Control) {
        match control {
            Control::Reload(settings, rules) => self.reload = Some((settings, rules)),
            Control::PassNow => self.early = Early::Asked,
            Control::Stop => self.stop = true,
        }
    }

    /// Events were lost: a pass has to find what they would have told.
    pub(crate) fn take_loss(&mut self) {
        self.early = self.early.max(Early::Loss);
    }

    /// Whether anything is wanted now.
    pub(crate) fn is_any(&self) -> bool {
        let pass = match self.early {
            Early::No => false,
            Early::Loss => !self.loss_served,
            Early::Asked => true,
        };
        pass || self.stop || self.reload.is_some()
    }

    /// A pass begins: whatever asked for one is served.
    pub(crate) fn begin_pass(&mut self) {
        self.loss_served = self.early == Early::Loss && !self.loss_served;
        self.early = Early::No;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_starts_one_pass_at_once_and_the_next_loss_waits_for_a_regular_one() {
        let mut wanted = Wanted::default();
        wanted.take_loss();
        assert!(wanted.is_any());
        wanted.begin_pass();
        wanted.take_loss();
        assert!(!wanted.is_any());
        wanted.begin_pass();
        wanted.take_loss();
        assert!(wanted.is_any());
    }

    #[test]
    fn whoever_asks_for_a_pass_gets_one() {
        let mut wanted = Wanted::default();
        wanted.take(Control::PassNow);
        wanted.take_loss();
        assert!(wanted.is_any());
        wanted.begin_pass();
        assert!(!wanted.is_any());
    }
}
