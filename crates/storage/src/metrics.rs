//! The figures of the store: `keelwatch_storage_…`.

use std::sync::Arc;

use api::Clock;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use crate::failure;
use crate::health::Health;

/// From a page in memory to the longest `storage.timeout`, in seconds.
const STATEMENTS_S: [f64; 12] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0];

type Durations = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

/// What a statement was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    Commit,
}

/// Measures statements.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    clock: Arc<dyn Clock>,
    seconds: Durations,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Commit => "commit",
        }
    }
}

impl Timed {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, seconds: Family::new_with_constructor(|| Histogram::new(STATEMENTS_S)) }
    }

    pub(crate) async fn measure<T>(&self, operation: Operation, running: impl Future<Output = T>) -> T {
        let began = self.clock.monotonic();
        let answer = running.await;
        let took = self.clock.monotonic().saturating_sub(began);
        self.seconds.get_or_create(&[("operation", operation.as_str())]).observe(took.as_secs_f64());
        answer
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}

/// Serves the figures of one store.
pub(crate) fn register(timed: &Timed, health: &Arc<Health>, registry: &mut Registry) {
    let help = "Duration of statements in seconds";
    registry.register("keelwatch_storage_statement_seconds", &["operation"], help, timed.seconds.clone());
    let of = Arc::clone(health);
    let up = move || f64::from(u8::from(of.failing().is_none()));
    registry.gauge("keelwatch_storage_up", "1 while the last read and the last write succeeded", up);
    let of = Arc::clone(health);
    registry.gauge("keelwatch_storage_bytes", "Size of the database in bytes", move || number(of.bytes()));
    let of = Arc::clone(health);
    let (name, help) = ("keelwatch_storage_errors_total", "Reads and writes that failed");
    let entry = Entry { name, kind: Kind::Counter, labels: &["kind"], help };
    registry.read_at_scrape(entry, move || {
        let sample = |kind: failure::Kind| Sample {
            labels: vec![("kind", kind.as_str().to_owned())],
            value: number(of.errors(kind)),
        };
        failure::Kind::ALL.map(sample).into()
    });
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is counted up to 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}
