//! Telling the operators: by Lark, by webhooks, through Alertmanager, as Events.
//!
//! Owns what is told, to whom, when and how often. What is wrong is said by `findings`; whether this process may speak, by its lead.
//!
//! ```text
//! findings ─► announce ─► outbox ─► queue of a notifier ─► lark, webhook, event
//!               (pure)    (stored)      │ answer, pace (pure)
//! findings ─► alerts ──────────────► tower of a server ──► Alertmanager
//! ```

mod alertmanager;
mod alerts;
mod announce;
mod answer;
mod desk;
mod event;
#[cfg(test)]
mod fixture;
mod http;
mod lark;
mod link;
mod message;
mod outbox;
mod pace;
pub(crate) mod preview;
mod queue;
mod sample;
mod sender;
pub mod settings;
mod sign;
mod tables;
mod tally;
mod template;
mod told;
mod view;
mod webhook;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::Time;
use runtime::metrics::Registry;
use runtime::shutdown::Stop;
use storage::Failure;
use tokio::task::{Id, JoinSet};
use tracing::warn;

use self::alertmanager::Tower;
use self::desk::{Desk, Orders};
pub use self::preview::PreviewedMessage;
use self::queue::Queue;
use self::sender::Sender;
use self::settings::NotifierKind;
pub use self::view::MessagesView;
use crate::{Around, Lead, Parts, Settings};

/// How long to wait for a database that fails.
const STORAGE_PAUSE: Duration = Duration::from_secs(1);

/// How long a task rests that panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// All notifiers of a process. Clones are of the same.
#[derive(Debug, Clone)]
pub(crate) struct Notify {
    desk: Arc<Desk>,
}

/// A task of one time of leading.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Task {
    /// The queue of this notifier.
    Queue(String),
    /// Alerts of this notifier for the server at this place of its list.
    Tower(String, usize, String),
}

impl Notify {
    /// Notifiers that tell nothing yet.
    pub(crate) fn new(settings: &Settings, around: &Around, parts: &Parts) -> Self {
        let store = (parts.findings.clone(), parts.storage.clone());
        let clock = Arc::clone(&parts.clock);
        let orders = orders(settings, around);
        let desk = Desk::new(store, parts.cluster.clone(), clock, parts.reporter.clone(), orders);
        Self { desk: Arc::new(desk) }
    }

    /// Takes changed settings.
    pub(crate) fn apply(&self, settings: &Settings, around: &Around) {
        let orders = Arc::new(orders(settings, around));
        self.desk.orders.send_if_modified(|known| {
            let changes = *known != orders;
            *known = orders;
            changes
        });
    }

    /// Puts into the outbox what is to be told now. Called by each sweep of a leader that is warm.
    pub(crate) async fn announce(&self, lead: &Lead, now: Time) -> Result<(), Failure> {
        self.desk.announce(lead, now).await
    }

    /// Sends while this process leads. Returns at `stop`, or when the lead has ended.
    pub(crate) async fn run(&self, lead: Lead, stop: Stop) {
        while let Err(failure) = self.desk.recall(&lead).await {
            warn!(error = failure.in_words(), "failed to read the outbox");
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(STORAGE_PAUSE) => {}
            }
            if lead.proof().is_none() {
                return;
            }
        }
        let mut orders = self.desk.orders.subscribe();
        let mut running = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            orders.mark_unchanged();
            for task in wanted(&self.desk.orders()) {
                if !running.values().any(|known| *known == task) {
                    let id = self.start(&mut tasks, task.clone(), &lead, &stop);
                    running.insert(id, task);
                }
            }
            let ended = tokio::select! {
                () = stop.requested() => break,
                changed = orders.changed() => if changed.is_ok() { continue } else { break },
                Some(ended) = tasks.join_next_with_id() => ended,
            };
            match ended {
                Ok((_, false)) => break,
                Ok((id, true)) => drop(running.remove(&id)),
                // It panicked, which was logged. It goes on, and not in a circle without a rest.
                Err(error) => {
                    running.remove(&error.id());
                    tokio::time::sleep(PANIC_PAUSE).await;
                }
            }
        }
        while tasks.join_next().await.is_some() {}
        self.desk.forget().await;
    }

    /// What is shown of each notifier's messages, in the order of the settings.
    pub(crate) fn messages(&self) -> Vec<MessagesView> {
        view::messages(&self.desk)
    }

    /// Serves the figures of notifiers.
    pub(crate) fn register(&self, registry: &mut Registry) {
        tally::register(self, registry);
    }

    /// Each task tells whether this process still leads.
    fn start(&self, tasks: &mut JoinSet<bool>, task: Task, lead: &Lead, stop: &Stop) -> Id {
        let (desk, lead, stop) = (Arc::clone(&self.desk), lead.clone(), stop.clone());
        let started = match task {
            Task::Queue(name) => {
                let sender = Sender::new(&desk);
                tasks.spawn(Queue::new(desk, lead, name, sender).run(stop))
            }
            Task::Tower(name, place, url) => tasks.spawn(Tower::new(desk, lead, name, (place, url)).run(stop)),
        };
        started.id()
    }
}

fn orders(settings: &Settings, around: &Around) -> Orders {
    Orders { dry_run: settings.dry_run, notifiers: settings.notifiers.clone(), around: around.clone() }
}

/// The tasks of the notifiers that are told now.
fn wanted(orders: &Orders) -> Vec<Task> {
    let told = orders.notifiers.iter().filter(|notifier| orders.of(&notifier.name).is_some());
    let tasks = told.flat_map(|notifier| match notifier.kind {
        NotifierKind::Lark | NotifierKind::Webhook | NotifierKind::Event => vec![Task::Queue(notifier.name.clone())],
        NotifierKind::Alertmanager => {
            let towers = notifier.urls.iter().enumerate();
            towers.map(|(place, url)| Task::Tower(notifier.name.clone(), place, url.clone())).collect()
        }
    });
    tasks.collect()
}

#[cfg(test)]
mod tests;
