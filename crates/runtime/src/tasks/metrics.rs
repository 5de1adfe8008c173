//! What tasks count.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::Registry;

/// From a look at an index to a collection of 5,000 nodes, in seconds.
const DURATIONS_S: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];

#[derive(Debug)]
pub(super) struct TaskMetrics {
    runs: Family<Labels<2>, Counter>,
    durations: Family<Labels<1>, Histogram, fn() -> Histogram>,
    last_success: Family<Labels<1>, Gauge>,
    restarts: Family<Labels<1>, Counter>,
}

impl Default for TaskMetrics {
    fn default() -> Self {
        Self {
            runs: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS_S)),
            last_success: Family::default(),
            restarts: Family::default(),
        }
    }
}

impl TaskMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { runs, durations, last_success, restarts } = self;
        registry.register("keelwatch_task_runs_total", &["task", "result"], "Runs of tasks, by result", runs.clone());
        let help = "How long a run of a task took";
        registry.register("keelwatch_task_duration_seconds", &["task"], help, durations.clone());
        let name = "keelwatch_task_last_success_timestamp_seconds";
        registry.register(
            name,
            &["task"],
            "When a task last did its work, in seconds since 1970",
            last_success.clone(),
        );
        let help = "How often a task was made anew after a panic";
        registry.register("keelwatch_task_restarts_total", &["task"], help, restarts.clone());
    }

    /// A task begins to exist: its counters are there before anything happens.
    pub(super) fn added(&self, task: &'static str) {
        for result in ["ok", "failed"] {
            self.runs.get_or_create(&[("task", task), ("result", result)]).inc_by(0);
        }
        self.restarts.get_or_create(&[("task", task)]).inc_by(0);
    }

    pub(super) fn succeeded(&self, task: &'static str, took: Duration, at: Timestamp) {
        self.runs.get_or_create(&[("task", task), ("result", "ok")]).inc();
        self.durations.get_or_create(&[("task", task)]).observe(took.as_secs_f64());
        self.last_success.get_or_create(&[("task", task)]).set(at.as_second());
    }

    pub(super) fn failed(&self, task: &'static str, took: Duration) {
        self.runs.get_or_create(&[("task", task), ("result", "failed")]).inc();
        self.durations.get_or_create(&[("task", task)]).observe(took.as_secs_f64());
    }

    pub(super) fn restarted(&self, task: &'static str) {
        self.restarts.get_or_create(&[("task", task)]).inc();
    }
}
