//! The figures of this room: `keelwatch_findings_…`.
//!
//! Owns their names and the counters that nothing else keeps. What the book knows anyway is read at the scrape.

use std::sync::atomic::{AtomicU64, Ordering};

use api::Severity;
use api::finding::{Source, State};
use runtime::metrics::{Entry, Kind, Registry, Sample};

use crate::book::Book;
use crate::event::Event;
use crate::findings::{Done, Findings, StoreError};
use crate::plan::{Plan, Reason};

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    transitions: [[AtomicU64; Event::TRANSITIONS.len()]; Source::ALL.len()],
    batches: [[AtomicU64; RESULTS.len()]; Source::ALL.len()],
    refused: [AtomicU64; Reason::ALL.len()],
}

const RESULTS: [&str; 3] = ["ok", "superseded", "failed"];

impl Counts {
    pub(crate) fn batch(&self, source: Source, ended: &Result<Done, StoreError>) {
        let result = match ended {
            Ok(_) => 0,
            Err(StoreError::Superseded(_)) => 1,
            Err(StoreError::Unavailable(_) | StoreError::NotLeading) => 2,
        };
        add(&self.batches[source as usize][result]);
    }

    /// Counts what a plan is about to change in `book`.
    pub(crate) fn transitions(&self, plan: &Plan, book: &Book) {
        let of_batch = plan.looked.as_ref().map(|scope| scope.source);
        for transition in &plan.transitions {
            let known = || book.get(&transition.fingerprint).map(|record| record.source);
            let word = transition.event.as_str();
            let event = Event::TRANSITIONS.iter().position(|event| *event == word);
            if let (Some(source), Some(event)) = (of_batch.or_else(known), event) {
                add(&self.transitions[source as usize][event]);
            }
        }
        for refused in &plan.refused {
            add(&self.refused[refused.reason as usize]);
        }
    }
}

impl Findings {
    /// How many sightings were not taken since this process started, for coverage.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.inner.counts.refused[reason as usize].load(Ordering::Relaxed)
    }
}

/// Serves the figures of findings.
pub fn register(findings: &Findings, registry: &mut Registry) {
    let gauge = |name, labels, help| Entry { name, kind: Kind::Gauge, labels, help };
    let counter = |name, labels, help| Entry { name, kind: Kind::Counter, labels, help };
    let mut read = |entry, samples: fn(&Findings) -> Vec<Sample>| {
        let findings = findings.clone();
        registry.read_at_scrape(entry, move || samples(&findings));
    };
    read(gauge("keelwatch_findings", &["source", "severity", "state"], "Findings that are known"), tally);
    read(
        counter("keelwatch_findings_transitions_total", &["source", "event"], "Transitions of findings, on the leader"),
        transitions,
    );
    read(
        counter(
            "keelwatch_findings_batches_total",
            &["source", "result"],
            "Batches that sources handed in, on the leader",
        ),
        batches,
    );
    read(counter("keelwatch_findings_refused_total", &["reason"], "Sightings that were not taken"), refused);
    read(gauge("keelwatch_findings_stale", &["source"], "Open findings whose source could not look lately"), stale);
    read(gauge("keelwatch_findings_silences", &["state"], "Silences that are known"), silences);
    read(gauge("keelwatch_findings_watchers", &[], "Event streams that are open"), |findings| {
        vec![Sample::plain(number(findings.watchers()))]
    });
}

fn tally(findings: &Findings) -> Vec<Sample> {
    let tally = findings.ask(|book| book.tally().clone());
    let mut samples = Vec::new();
    for source in Source::ALL {
        for severity in Severity::ALL {
            for state in State::ALL {
                let labels = [("source", source.as_str()), ("severity", severity.as_str()), ("state", state.as_str())];
                samples.push(sample(labels, number(tally.of(source, severity, state))));
            }
        }
    }
    samples
}

fn transitions(findings: &Findings) -> Vec<Sample> {
    crossed("event", &Event::TRANSITIONS, &findings.inner.counts.transitions)
}

fn batches(findings: &Findings) -> Vec<Sample> {
    crossed("result", &RESULTS, &findings.inner.counts.batches)
}

fn crossed<const N: usize>(label: &'static str, words: &[&str; N], counts: &[[AtomicU64; N]]) -> Vec<Sample> {
    let of = |(source, counts): (Source, &[AtomicU64; N])| {
        let one =
            |(word, count): (&&str, &AtomicU64)| sample([("source", source.as_str()), (label, word)], loaded(count));
        words.iter().zip(counts).map(one).collect::<Vec<_>>()
    };
    Source::ALL.into_iter().zip(counts).flat_map(of).collect()
}

fn refused(findings: &Findings) -> Vec<Sample> {
    let counts = &findings.inner.counts.refused;
    Reason::ALL.map(|reason| sample([("reason", reason.as_str())], loaded(&counts[reason as usize]))).into()
}

fn stale(findings: &Findings) -> Vec<Sample> {
    let stale = |source: Source| findings.ask(|book| book.stale_number(source));
    Source::ALL.map(|source| sample([("source", source.as_str())], number(stale(source)))).into()
}

fn silences(findings: &Findings) -> Vec<Sample> {
    let (all, ended) = findings
        .ask(|book| (book.silences().count(), book.silences().filter(|silence| silence.ended.is_some()).count()));
    vec![sample([("state", "active")], number(all - ended)), sample([("state", "ended")], number(ended))]
}

fn sample<const N: usize>(labels: [(&'static str, &str); N], value: f64) -> Sample {
    Sample { labels: labels.map(|(name, value)| (name, value.to_owned())).into(), value }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is counted up to 2^52")]
fn loaded(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is counted up to 2^52")]
const fn number(count: usize) -> f64 {
    count as f64
}
