//! Round after round, for as long as this process leads.
//!
//! Owns when rounds begin and how one ends: who has left, how fresh every node is, what is left out.

use std::sync::Arc;
use std::time::Duration;

use api::finding::Source;
use findings::Book;
use findings::batch::Order;
use findings::round::{Gap, Round as Ended, ScopeLook};
use runtime::shutdown::Stop;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::ask::Manner;
use super::budget::{Budget, HELD_BYTES};
use super::gone::{Patience, Verdict, judge};
use super::hand_in::HandIn;
use super::metrics::Outcome;
use super::nodes::Nodes;
use super::reach::Reach;
use super::round::Round;
use super::table::{detail, rows};
use super::wire::NodeState;
use super::{Collector, Phase, Settings};

/// Without a complete list of endpoints the first round waits this long, and then tells that there is nobody to ask.
const SYNC_TIME: Duration = Duration::from_secs(10);

/// Nodes that are asked for by name in a round, at 50 requests a second at most.
const NODES_ASKED: usize = 50;

/// What one leader knows.
#[derive(Debug)]
pub(super) struct Lead {
    nodes: Nodes,
    reach: Reach,
    budget: Budget,
    /// Number of the last round.
    number: u64,
    last: Option<Outcome>,
}

/// Collects until `stop`.
pub(super) async fn run(collector: &Collector, stop: Stop) {
    let mut lead = Lead::new(collector);
    let mut changes = collector.0.settings.subscribe();
    let _ = timeout(SYNC_TIME, or_stop(&stop, collector.0.endpoints.synced())).await;
    while !stop.is_requested() {
        let settings = changes.borrow_and_update().clone();
        let begun = Instant::now();
        if settings.enabled {
            collector.set_phase(Phase::Collecting);
            lead.round(collector, &settings, &stop).await;
            collector.set_phase(Phase::Waiting);
        } else {
            collector.set_phase(Phase::Off);
            lead.off(collector, settings.api_port).await;
        }
        let wait = until_the_next(&collector.0.nudge, &mut changes, begun, settings.enabled);
        or_stop(&stop, wait).await;
    }
}

/// Waits for the tick after `begun`, a nudge, or another word on whether to collect at all.
async fn until_the_next(
    nudge: &Notify,
    changes: &mut watch::Receiver<Arc<Settings>>,
    begun: Instant,
    was_enabled: bool,
) {
    loop {
        let Settings { enabled, every, .. } = **changes.borrow_and_update();
        if enabled != was_enabled {
            return;
        }
        let tick = async { if enabled { sleep_until(begun + every).await } else { std::future::pending().await } };
        tokio::select! {
            () = tick => return,
            () = nudge.notified() => return,
            heard = changes.changed() => if heard.is_err() { std::future::pending().await },
        }
    }
}

async fn or_stop(stop: &Stop, until: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.requested() => {}
        () = until => {}
    }
}

fn open(book: &Book, node: &str) -> u64 {
    book.in_scope(Source::Process, node).count() as u64
}

impl Lead {
    /// What earlier leaders left: rows of nodes, and findings of nodes that have none.
    pub(super) fn new(collector: &Collector) -> Self {
        let (monotonic, now) = (collector.0.clock.monotonic(), collector.now());
        collector.findings().ask(|book| {
            let mut nodes = Nodes::restored(rows(book), monotonic, now);
            for record in book.records().filter(|record| record.source == Source::Process && record.is_open()) {
                nodes.add_with_findings(&record.scope, record.last_seen);
            }
            let number = book.round(Source::Process).map_or(0, |round| round.order.round);
            Self { nodes, reach: Reach::default(), budget: Budget::new(HELD_BYTES), number, last: None }
        })
    }

    /// As if there were less memory.
    #[cfg(test)]
    pub(super) fn hold_at_most(&mut self, bytes: usize) {
        self.budget = Budget::new(bytes);
    }

    /// The order of the next round; none if this process does not lead.
    fn next(&mut self, collector: &Collector) -> Option<Order> {
        let fence = collector.findings().fence()?;
        self.number += 1;
        Some(Order { fence, round: self.number })
    }

    pub(super) async fn round(&mut self, collector: &Collector, settings: &Settings, stop: &Stop) {
        let Some(order) = self.next(collector) else { return };
        let (begun, malformed) = (Instant::now(), collector.counts().malformed());
        if let Some(targets) = collector.0.endpoints.targets() {
            self.nodes.discovered(targets, collector.0.clock.monotonic(), collector.now());
        }
        let reached = self.reach.by(settings);
        *collector.trouble() = reached.as_ref().map_or_else(Clone::clone, |reached| reached.trouble.clone());
        let shared = &collector.0;
        let (findings, index) = (shared.findings.clone(), Arc::clone(&shared.index));
        let to = Arc::new(HandIn::new(findings, index, order, Arc::clone(&shared.counts)));
        let is_nobody = self.nodes.to_ask().is_empty();
        let is_complete = match reached {
            Err(_) => Some(false),
            Ok(reached) => {
                let round = Round {
                    manner: Arc::new(Manner::new(settings, reached.direct, reached.authorization)),
                    to: Arc::clone(&to),
                    clock: Arc::clone(&shared.clock),
                    counts: Arc::clone(&shared.counts),
                    number: order.round,
                    in_flight: settings.in_flight,
                    budget: self.budget.clone(),
                    longest: settings.every,
                };
                round.run(&mut self.nodes, stop).await
            }
        };
        let Some(is_complete) = is_complete else { return };
        let is_suspect = self.let_go(collector, settings, &to).await;
        let outcome = match (is_nobody, is_complete) {
            (true, _) => Outcome::None,
            (false, true) => Outcome::Complete,
            (false, false) => Outcome::Partial,
        };
        let malformed = collector.counts().malformed() - malformed;
        self.end(collector, order, (settings.api_port, is_suspect, malformed)).await;
        collector.counts().round(outcome, begun.elapsed().as_secs_f64());
        self.tell(outcome);
    }

    /// Resolves what is open on nodes that have left. Whether so many are missing that none is believed gone.
    async fn let_go(&mut self, collector: &Collector, settings: &Settings, to: &HandIn) -> bool {
        let missing = self.nodes.missing(collector.0.clock.monotonic());
        let patience = Patience { gone_after: settings.gone_after, gone_share: settings.gone_share };
        let Verdict { mut gone, to_ask, is_suspect } = judge(missing, self.nodes.count(), patience);
        collector.counts().set_suspect(is_suspect);
        if !collector.0.endpoints.is_sure() {
            return is_suspect;
        }
        if let Some(cluster) = collector.0.cluster.get() {
            for node in to_ask.into_iter().take(NODES_ASKED) {
                match cluster.has_node(&node).await {
                    Ok(true) => {}
                    Ok(false) => gone.push(node),
                    Err(error) => {
                        warn!("failed to ask for the Node {node}, which is missing from the Service: {error}");
                        break;
                    }
                }
            }
        }
        for node in gone {
            match to.gone(&node, collector.now()).await {
                Ok(()) => {
                    info!(node, "node {node} has left; its violations are resolved");
                    self.nodes.let_go(&node);
                }
                Err(error) => debug!(node, "failed to store that node {node} has left: {error}"),
            }
        }
        is_suspect
    }

    async fn end(&mut self, collector: &Collector, order: Order, (port, suspect, malformed): (u16, bool, u64)) {
        let now = collector.now();
        let nodes = &mut self.nodes;
        let looks = collector.findings().ask(|book| nodes.rows(order.round, port, now, |node| open(book, node)));
        let truncated = looks.iter().map(|(row, _)| row.truncated).fold(0, u64::saturating_add);
        let gap = |count, why: &str| Gap { what: "violations of nodes".to_owned(), why: why.to_owned(), count };
        let gaps = [gap(truncated, "left out by nodes whose store is full"), gap(malformed, "malformed")];
        let gaps: Vec<Gap> = gaps.into_iter().filter(|gap| gap.count > 0).collect();
        let all_fresh = looks.iter().all(|(row, _)| row.state == NodeState::Fresh);
        let complete = !suspect && !looks.is_empty() && all_fresh && gaps.is_empty();
        let scopes =
            looks.into_iter().map(|(row, freshness)| ScopeLook { detail: detail(&row), scope: row.node, freshness });
        Self::store(
            collector,
            Ended { source: Source::Process, order, at: now, scopes: scopes.collect(), complete, suspect, gaps },
        )
        .await;
    }

    /// Nobody is asked from here on, and it shows.
    async fn off(&mut self, collector: &Collector, port: u16) {
        let Some(order) = self.next(collector) else { return };
        let (now, nodes) = (collector.now(), &mut self.nodes);
        let rows = collector.findings().ask(|book| nodes.rows_off(port, now, |node| open(book, node)));
        let scopes =
            rows.into_iter().map(|(row, freshness)| ScopeLook { detail: detail(&row), scope: row.node, freshness });
        let gap = Gap {
            what: "collection of violations".to_owned(),
            why: "violations.controller.enabled is false".to_owned(),
            count: 1,
        };
        let (source, gaps) = (Source::Process, vec![gap]);
        Self::store(
            collector,
            Ended { source, order, at: now, scopes: scopes.collect(), complete: false, suspect: false, gaps },
        )
        .await;
    }

    async fn store(collector: &Collector, ended: Ended) {
        if let Err(error) = collector.findings().end_round(ended).await {
            warn!("failed to store the end of a collection: {error}");
        }
    }

    /// Once per change: a round a minute is no news.
    fn tell(&mut self, outcome: Outcome) {
        if self.last.replace(outcome) == Some(outcome) {
            return;
        }
        let (count, word) = (self.nodes.count(), outcome.as_str());
        match outcome {
            Outcome::Complete => info!(nodes = count, "collected violations of all {count} nodes"),
            Outcome::Partial => {
                warn!(nodes = count, "collected violations of {count} nodes, and not all of them answered");
            }
            Outcome::None => warn!(result = word, "there is no node to collect violations of"),
        }
    }
}
