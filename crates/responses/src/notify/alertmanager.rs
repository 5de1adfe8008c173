//! Alertmanager: one task for each server, which tells it every alert again and again.
//!
//! Owns the pace of one server. There is no outbox: what waits is what the findings say and the server has not been told.

use std::sync::Arc;
use std::time::Duration;

use api::Fingerprint;
use findings::event::Did;
use runtime::shutdown::Stop;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::alerts::{self, Alert, BATCH, Delivered, Key};
use super::answer::{self, Outcome};
use super::desk::Desk;
use super::http::{Http, Post};
use super::pace;
use super::settings::{NotifierKind, NotifierSettings};
use super::tally::Backlog;
use crate::Lead;

/// POSTs to one address at once.
const AT_ONCE: usize = 4;

/// Changes that come together are told together.
const TOGETHER: Duration = Duration::from_secs(1);

/// A server that is back is told at once, give or take what a minute allows.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The way to one server.
pub(crate) struct Tower {
    desk: Arc<Desk>,
    lead: Lead,
    name: String,
    /// Its place in the list of the notifier.
    place: usize,
    url: String,
    http: Http,
    delivered: Delivered,
    failures: u32,
    asks_again: Duration,
    error: Option<String>,
}

/// What is to happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// Another round at this time, monotonic, or when findings change.
    At(Duration),
    /// None: the server is not to be told any more.
    Over,
    /// None: this process does not lead any more.
    NotLeading,
}

impl Tower {
    pub(crate) fn new(desk: Arc<Desk>, lead: Lead, name: String, (place, url): (usize, String)) -> Self {
        let http = Http::new(&desk.clock, AT_ONCE);
        let (delivered, asks_again) = (Delivered::default(), Duration::ZERO);
        Self { desk, lead, name, place, url, http, delivered, failures: 0, asks_again, error: None }
    }

    /// Tells until the server is not to be told any more, the lead has ended, or `stop`; tells whether this process still leads.
    pub(crate) async fn run(mut self, stop: Stop) -> bool {
        let leads = self.rounds(stop).await;
        self.desk.tally.set_backlog(&self.name, self.place, None);
        leads
    }

    async fn rounds(&mut self, stop: Stop) -> bool {
        let (mut orders, mut wakes) = (self.desk.orders.subscribe(), self.desk.findings.wakes());
        loop {
            orders.mark_unchanged();
            wakes.mark_unchanged();
            // A round that is broken off is made again by the next leader.
            let round = tokio::select! {
                round = self.round() => round,
                () = stop.requested() => return true,
            };
            let at = match round {
                Round::At(at) => at,
                Round::Over => return true,
                Round::NotLeading => return false,
            };
            let pause = at.saturating_sub(self.desk.clock.monotonic()).max(Duration::from_millis(1));
            tokio::select! {
                () = stop.requested() => return true,
                () = tokio::time::sleep(pause) => {}
                changed = orders.changed() => if changed.is_err() { return true },
                changed = wakes.changed() => {
                    if changed.is_err() {
                        return true;
                    }
                    tokio::time::sleep(TOGETHER).await;
                }
            }
        }
    }

    /// Tells all that is due.
    pub(crate) async fn round(&mut self) -> Round {
        let orders = self.desk.orders();
        let settings = orders.of(&self.name).filter(|settings| settings.kind == NotifierKind::Alertmanager);
        let Some(settings) = settings.filter(|settings| settings.urls.get(self.place) == Some(&self.url)) else {
            return Round::Over;
        };
        if self.lead.proof().is_none() {
            return Round::NotLeading;
        }
        let (now, wall) = (self.desk.clock.monotonic(), self.desk.now());
        let all = self.desk.findings.ask(|book| alerts::alerts(book, settings, &orders.around, wall));
        self.delivered.retain(&all);
        if self.asks_again <= now {
            let due = self.delivered.due(all.clone(), now);
            if !self.tell(settings, due, now).await {
                return Round::NotLeading;
            }
        }
        let (untold, oldest) = self.delivered.untold(&all);
        let backlog = Backlog { untold, oldest, error: self.error.clone() };
        self.desk.tally.set_backlog(&self.name, self.place, Some(backlog));
        let next = self.delivered.next_due().unwrap_or(now + alerts::AGAIN);
        Round::At(if self.asks_again > now { self.asks_again } else { next })
    }

    /// Four POSTs at once, until all is told or one fails; false if this process does not lead any more.
    async fn tell(&mut self, settings: &NotifierSettings, due: Vec<Alert>, now: Duration) -> bool {
        let batches: Vec<&[Alert]> = due.chunks(BATCH).collect();
        for some in batches.chunks(AT_ONCE) {
            if self.lead.proof().is_none() {
                return false;
            }
            let mut posts = JoinSet::new();
            for batch in some {
                let (mut http, settings, url) = (self.http.clone(), settings.clone(), self.url.clone());
                let keys: Vec<Key> = batch.iter().map(|alert| alert.key.clone()).collect();
                let bodies: Vec<_> = batch.iter().map(|alert| alert.body.clone()).collect();
                posts.spawn(async move {
                    let outcome = post(&mut http, &settings, &url, &bodies).await;
                    (keys, outcome, http)
                });
            }
            while let Some(posted) = posts.join_next().await {
                // A panic in there is logged where it happens; its alerts stay due.
                let Ok((keys, outcome, http)) = posted else { continue };
                self.http = http;
                self.judge(&keys, outcome, now).await;
            }
            if self.asks_again > now {
                break;
            }
        }
        true
    }

    async fn judge(&mut self, keys: &[Key], outcome: Outcome, now: Duration) {
        match outcome {
            Outcome::Delivered => {
                self.desk.tally.sent(&self.name);
                (self.failures, self.asks_again, self.error) = (0, Duration::ZERO, None);
                let news = self.delivered.delivered(keys, now);
                if !news.is_empty() {
                    info!(notifier = self.name, server = self.place, alerts = news.len(), "alerts told");
                }
                self.note(&news, Did::Sent, "").await;
            }
            Outcome::Again { why, after, .. } => {
                self.desk.tally.failed(&self.name);
                self.failures = self.failures.saturating_add(1);
                let pause = after.unwrap_or_else(|| pace::pause(self.failures, &self.name).min(LONGEST_PAUSE));
                self.asks_again = now + pause.min(pace::LONGEST);
                warn!(notifier = self.name, server = self.place, why, "alerts not told yet");
                self.error = Some(why);
            }
            // They are tried again with the next minute: by then they may be others.
            Outcome::Never { why } => {
                self.desk.tally.dead(&self.name);
                warn!(notifier = self.name, server = self.place, why, "alerts refused");
                let news = self.delivered.delivered(keys, now);
                self.note(&news, Did::Dead, &why).await;
                self.error = Some(why);
            }
            Outcome::NotLeading => {}
        }
    }

    /// The first server speaks for all: a history tells each change once.
    async fn note(&self, news: &[Key], did: Did, why: &str) {
        if self.place > 0 {
            return;
        }
        for (is_over, event) in [(false, "opened"), (true, "resolved")] {
            let about: Vec<&Fingerprint> =
                news.iter().filter(|key| key.is_over == is_over).map(|key| &key.fingerprint).collect();
            let reason = if why.is_empty() { event } else { why };
            let object = format!("alert {event}");
            self.desk.note(&self.name, about.into_iter(), (did, &object, reason)).await;
        }
    }
}

/// One POST of up to 256 alerts.
async fn post(http: &mut Http, settings: &NotifierSettings, url: &str, alerts: &[serde_json::Value]) -> Outcome {
    let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
    let body = serde_json::to_vec(alerts).expect("alerts are plain JSON");
    let posted = http.post(settings, Post { url, headers: Vec::new(), body, reads_answer: false }).await;
    posted.map_or_else(|outcome| outcome, |answer| answer::by_status(&answer))
}

#[cfg(test)]
mod tests;
