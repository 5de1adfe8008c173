//! What this node knows, for everybody who asks: violations, coverage, rules, figures.
//!
//! Owns the one lock around it. The thread of the watch is the only writer; routes and the scrape read. Nothing is
//! awaited while the lock is held.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::coverage::{Coverage, ExecCoverage};
use api::rules::RulesAnswer;
use api::violation::ResolvedReason;
use api::{Clock, Time, Violation};
use axum::body::Bytes;
use processes::matches::{Counters, Event, Outcome, PassReport};
use processes::rules::RuleSet;
use prometheus_client::metrics::histogram::Histogram;
use tracing::{info, warn};
use web::WeakEtag;

use crate::attribution::PodIndex;
use crate::listing::{Listing, State};
use crate::rules::RulesInForce;
use crate::settings::NodeSettings;
use crate::store::{Moment, Store, Turn};

/// What this node knows. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Node(Arc<Shared>);

/// Who this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Boot id of the host, or its boot time if there is none.
    pub boot_id: String,
}

struct Shared {
    about: About,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    /// Wall time of passes, in seconds.
    durations: Histogram,
}

/// All that changes.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) store: Store,
    pub(crate) coverage: Coverage,
    pub(crate) passes: Passes,
    pub(crate) counters: Counters,
    pub(crate) rules: RulesInForce,
    /// Pause between two passes, after the CPU budget.
    pub(crate) interval: Duration,
    pub(crate) last_completed: Option<Moment>,
    listing: Listing,
}

/// Passes since the start, by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passes {
    pub(crate) ok: u64,
    pub(crate) partial: u64,
    pub(crate) failed: u64,
}

/// The list of violations as asked for.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) etag: WeakEtag,
    /// `None` if the one who asks has this list already.
    pub(crate) body: Option<Bytes>,
    /// When the last completed pass ended.
    pub(crate) last_pass: Time,
    /// Completed passes since the start.
    pub(crate) passes: u64,
    pub(crate) interval: Duration,
    /// Revision of the rule set.
    pub(crate) rules: String,
    /// Open records that had no room.
    pub(crate) left_out: usize,
}

/// No pass has been completed yet: an empty list would say that nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotScannedYet;

/// A pass takes milliseconds on a small host and seconds on one with 20,000 processes and little CPU.
const DURATIONS_S: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl Node {
    /// A node that has not been scanned yet and will be by these rules, at first every `every`.
    pub fn new(about: About, settings: &NodeSettings, every: Duration, rules: &RuleSet, clock: Arc<dyn Clock>) -> Self {
        let now = Time::of(clock.now());
        let known = Known {
            store: Store::new(about.name.clone(), settings.into()),
            coverage: Coverage {
                node: about.name.clone(),
                since: now,
                interval_s: every.as_secs_f64(),
                last_pass: None,
                forks_since_last_pass: 0,
                exec_events: ExecCoverage::default(),
            },
            passes: Passes::default(),
            counters: Counters::default(),
            rules: RulesInForce::new(rules, now),
            interval: every,
            last_completed: None,
            listing: Listing::default(),
        };
        Self(Arc::new(Shared { about, clock, known: Mutex::new(known), durations: Histogram::new(DURATIONS_S) }))
    }

    /// Takes what the watch tells.
    pub fn take(&self, event: Event) {
        match event {
            Event::Pass(report) => self.pass(*report),
            Event::Exec(found) => {
                let now = self.now();
                let mut known = self.known();
                let turns = known.store.event(&found, now);
                known.told(&turns);
            }
            // The coverage of the next pass tells the same; until then only the log and the probes need to know.
            Event::PassBegins | Event::Connector(_) => {}
        }
    }

    /// From now on this index is asked whose a process is.
    pub fn ask_of(&self, index: Arc<dyn PodIndex>) {
        self.known().store.ask_of(index);
    }

    /// Asks again whose the processes of unresolved records are: more pods are known by now.
    pub fn ask_again(&self) {
        let now = self.now();
        let mut known = self.known();
        let turns = known.store.ask_again(now);
        known.told(&turns);
    }

    /// Asks again for all records: the index names apps by other labels now.
    pub fn ask_anew(&self) {
        let now = self.now();
        let mut known = self.known();
        let turns = known.store.ask_anew(now);
        known.told(&turns);
    }

    /// Takes other limits from now on.
    pub fn reload(&self, settings: &NodeSettings) {
        self.known().store.set_limits(settings.into());
    }

    /// Other rules were accepted. They are told of once a pass has judged by them, together with what it found.
    pub fn rules_accepted(&self) {
        self.known().rules.accepted();
    }

    /// Other rules were refused, and those before stay active. Every error is `file:line:column: path: message`.
    pub fn rules_refused(&self, errors: Vec<String>) {
        let now = Time::of(self.0.clock.now());
        self.known().rules.refused(errors, now);
    }

    /// Pause between two passes, after the CPU budget.
    pub fn interval(&self) -> Duration {
        self.known().interval
    }

    /// Whether a pass has been completed, so that the list can be believed.
    pub fn is_scanned(&self) -> bool {
        self.known().last_completed.is_some()
    }

    pub(crate) fn about(&self) -> &About {
        &self.0.about
    }

    pub(crate) fn durations(&self) -> &Histogram {
        &self.0.durations
    }

    /// The list of violations in this state; `has` says whether the one who asks has the list of this tag.
    pub(crate) fn list(&self, state: State, has: impl FnOnce(&WeakEtag) -> bool) -> Result<List, NotScannedYet> {
        let now = self.0.clock.monotonic();
        let mut known = self.known();
        let Known { store, listing, passes, interval, rules, last_completed, .. } = &mut *known;
        let last_pass = last_completed.ok_or(NotScannedYet)?.wall;
        store.expire(now);
        let etag = listing.etag(store, state).clone();
        let body = (!has(&etag)).then(|| listing.body(store, state));
        Ok(List {
            etag,
            body,
            last_pass,
            passes: passes.completed(),
            interval: *interval,
            rules: rules.revision().to_owned(),
            left_out: store.left_out(),
        })
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.known().coverage.clone()
    }

    pub(crate) fn rules(&self) -> RulesAnswer {
        let now = Time::of(self.0.clock.now());
        let known = self.known();
        known.rules.answer(&known.counters, now)
    }

    /// Everything as it is now, for as long as `read` runs.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Known, Moment) -> T) -> T {
        let now = self.now();
        let mut known = self.known();
        known.store.expire(now.monotonic);
        read(&known, now)
    }

    fn pass(&self, report: PassReport) {
        self.0.durations.observe(report.coverage.took_ms / 1000.0);
        let now = self.now();
        let mut known = self.known();
        known.interval = report.interval;
        known.coverage.interval_s = report.interval.as_secs_f64();
        known.coverage.exec_events = report.exec_events;
        known.counters = report.counters;
        match report.outcome {
            Outcome::Ok => known.passes.ok += 1,
            Outcome::Partial => known.passes.partial += 1,
            // It saw nothing: what the pass before it saw is still the last that is known.
            Outcome::Failed => {
                known.passes.failed += 1;
                return;
            }
        }
        known.coverage.last_pass = Some(report.coverage);
        known.coverage.forks_since_last_pass = report.forks;
        known.last_completed = Some(now);
        known.rules.judged_by(&report.rules, now.wall);
        let turns = known.store.pass(&report.matches, &report.cleared, now);
        known.told(&turns);
    }

    fn now(&self) -> Moment {
        Moment { wall: Time::of(self.0.clock.now()), monotonic: self.0.clock.monotonic() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic while it was held is counted where it happened; what is known stays better than nothing.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Counts exemptions, and logs what people should know of.
    fn told(&mut self, turns: &[Turn]) {
        for turn in turns {
            match turn {
                Turn::Opened(id) => self.store.violation(id).into_iter().for_each(tell_opened),
                Turn::Attributed(id) => self.store.violation(id).into_iter().for_each(tell_attributed),
                Turn::Resolved(id) => self.store.violation(id).into_iter().for_each(tell_resolved),
                Turn::Exempted { pack, scope } => self.rules.exempted(pack, scope),
            }
        }
    }
}

// Every text of a record is redacted.

fn tell_opened(violation: &Violation) {
    let Violation { pid, process, rule, cmdline, namespace, pod, pod_uid, container_id, .. } = violation;
    let (fingerprint, severity) = (violation.fingerprint.as_str(), violation.severity.as_str());
    warn!(
        fingerprint,
        pid,
        process,
        rule,
        severity,
        cmdline,
        namespace,
        pod,
        pod_uid,
        container_id,
        "violation of {rule} by process {pid} {process}"
    );
}

fn tell_attributed(violation: &Violation) {
    let Violation { pid, rule, namespace, pod, .. } = violation;
    let fingerprint = violation.fingerprint.as_str();
    info!(fingerprint, pid, rule, namespace, pod, "violation of {rule} by process {pid} is in pod {namespace}/{pod}");
}

fn tell_resolved(violation: &Violation) {
    let Violation { pid, rule, .. } = violation;
    let fingerprint = violation.fingerprint.as_str();
    let reason = violation.resolved_reason.map_or("", ResolvedReason::as_str);
    info!(fingerprint, pid, rule, reason, "violation of {rule} by process {pid} resolved: {reason}");
}

impl Passes {
    /// Passes that judged, whether they could read every process or not.
    pub(crate) fn completed(self) -> u64 {
        self.ok + self.partial
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("about", &self.about).finish_non_exhaustive()
    }
}
