//! The figures of responses that write to the cluster: `keelwatch_responses_…`. Those of messages are `notify`'s.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use runtime::metrics::{Entry, Kind, Registry, Sample};

use crate::plan::Verb;
use crate::response::Response;
use crate::responses::Responses;
use crate::sweep::View;

/// What is counted as it happens.
#[derive(Debug)]
pub(crate) struct Counts {
    writes: Family<[(&'static str, &'static str); 3], Counter>,
    sweeps: Histogram,
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteResult {
    Ok,
    Unchanged,
    Conflict,
    Forbidden,
    CrdMissing,
    Invalid,
    NotOurs,
    Error,
}

/// From a cluster without findings to one that is slow to write to, in seconds.
const SWEEP_S: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl WriteResult {
    const ALL: [Self; 8] = [
        Self::Ok,
        Self::Unchanged,
        Self::Conflict,
        Self::Forbidden,
        Self::CrdMissing,
        Self::Invalid,
        Self::NotOurs,
        Self::Error,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unchanged => "unchanged",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::CrdMissing => "crd_missing",
            Self::Invalid => "invalid",
            Self::NotOurs => "not_ours",
            Self::Error => "error",
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        let writes = Family::<_, Counter>::default();
        for response in Response::ALL {
            for verb in [Verb::Apply, Verb::Undo] {
                for result in WriteResult::ALL {
                    let labels =
                        [("response", response.as_str()), ("verb", verb.as_str()), ("result", result.as_str())];
                    drop(writes.get_or_create(&labels));
                }
            }
        }
        Self { writes, sweeps: Histogram::new(SWEEP_S) }
    }
}

impl Counts {
    pub(crate) fn wrote(&self, response: Response, verb: Verb, result: WriteResult) {
        let labels = [("response", response.as_str()), ("verb", verb.as_str()), ("result", result.as_str())];
        self.writes.get_or_create(&labels).inc();
    }

    pub(crate) fn swept(&self, took: Duration) {
        self.sweeps.observe(took.as_secs_f64());
    }
}

/// One figure that is read at the scrape.
struct Figure {
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&View) -> Vec<Sample>,
}

const FIGURES: &[Figure] = &[
    Figure {
        name: "keelwatch_responses_active",
        labels: &["response"],
        help: "Responses in force",
        read: |view| by_response(|response| view.active.get(&response).copied().unwrap_or_default()),
    },
    Figure {
        name: "keelwatch_responses_planned",
        labels: &["response"],
        help: "Writes that are planned and not done yet",
        read: |view| {
            by_response(|response| view.planned.iter().filter(|planned| planned.shown.response == response).count())
        },
    },
    Figure {
        name: "keelwatch_responses_skipped",
        labels: &["response", "reason"],
        help: "Open findings that a response does not act on",
        read: |view| {
            let counts = view.skipped_counts();
            let sample = |((response, reason), count): ((Response, crate::response::Reason), usize)| {
                let labels = [("response", response.as_str()), ("reason", reason.as_str())];
                sample(labels.map(|(name, value)| (name, value.to_owned())), count)
            };
            counts.into_iter().map(sample).collect()
        },
    },
    Figure {
        name: "keelwatch_responses_warm",
        labels: &[],
        help: "1 while this process leads and has seen everything that acting needs",
        read: |view| vec![Sample::plain(f64::from(u8::from(view.warm)))],
    },
    Figure {
        name: "keelwatch_responses_crd_missing",
        labels: &["kind"],
        help: "1 while the cluster does not know a kind that is to be written",
        read: |view| {
            let kinds = [Response::WasmPlugin, Response::Notification].into_iter();
            let missing = |response: Response| view.missing.iter().any(|(of, _)| *of == response);
            let read = |response: Response| {
                sample([("kind", response.resource().kind.to_owned())], usize::from(missing(response)))
            };
            kinds.map(read).collect()
        },
    },
];

/// Serves the figures of responses.
pub(crate) fn register(responses: &Responses, registry: &mut Registry) {
    let counts = responses.counts();
    let (labels, help) = (&["response", "verb", "result"], "Writes to the cluster, by what they came to");
    registry.register("keelwatch_responses_writes_total", labels, help, counts.writes.clone());
    let help = "Time of a sweep in seconds";
    registry.register("keelwatch_responses_sweep_duration_seconds", &[], help, counts.sweeps.clone());
    for Figure { name, labels, help, read } in FIGURES {
        let (entry, responses) = (Entry { name, kind: Kind::Gauge, labels, help }, responses.clone());
        registry.read_at_scrape(entry, move || read(&responses.view()));
    }
}

fn by_response(count: impl Fn(Response) -> usize) -> Vec<Sample> {
    let one = |response: Response| sample([("response", response.as_str().to_owned())], count(response));
    Response::ALL.into_iter().map(one).collect()
}

fn sample<const N: usize>(labels: [(&'static str, String); N], count: usize) -> Sample {
    let value = u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    Sample { labels: labels.into(), value }
}
