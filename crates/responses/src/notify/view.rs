//! What is shown of the messages of a notifier.

use api::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::outbox::Figures;

/// The messages of one notifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessagesView {
    /// Its name.
    pub notifier: String,
    /// Messages that wait; for `alertmanager`, alerts that a server was never told, for all servers together.
    pub pending: u64,
    /// Messages that were given up within seven days.
    pub dead: u64,
    /// Age of the oldest message that waits, in seconds; 0 if none does.
    pub oldest_age_s: u64,
    /// Why the last attempt failed that failed; null if none did.
    pub last_error: Option<String>,
}

/// What is shown of each notifier, in the order of the settings.
pub(super) fn messages(desk: &Desk) -> Vec<MessagesView> {
    let (orders, figures, now) = (desk.orders(), desk.figures(), desk.now());
    let view = |name: &String| {
        let Figures { pending, oldest, dead, error } = figures.get(name).cloned().unwrap_or_default();
        let backlog = desk.tally.backlog(name);
        let age = |oldest: Time| u64::try_from(now.since(oldest).as_secs()).unwrap_or_default();
        MessagesView {
            notifier: name.clone(),
            pending: pending + backlog.untold,
            dead,
            oldest_age_s: oldest.into_iter().chain(backlog.oldest).map(age).max().unwrap_or_default(),
            last_error: error.or(backlog.error),
        }
    };
    orders.notifiers.iter().map(|notifier| view(&notifier.name)).collect()
}
