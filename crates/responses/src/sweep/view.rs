//! What is shown of the last sweep.

use std::collections::{BTreeMap, BTreeSet};

use api::Time;

use super::write::Outcome;
use super::{Round, Sweeper};
use crate::ledger::{Content, Item, Key, Ledger, Stand};
use crate::metrics::WriteResult;
use crate::plan::{Plan, Step, Verb, later};
use crate::response::{Reason, Response, Skip};
use crate::wire;

/// The last sweep, as people and metrics ask for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct View {
    /// None before the first sweep of a leadership.
    pub(crate) as_of: Option<Time>,
    pub(crate) warm: bool,
    pub(crate) waiting: Vec<String>,
    pub(crate) applied: Vec<wire::Applied>,
    pub(crate) planned: Vec<Unwritten>,
    pub(crate) skipped: Vec<Skip>,
    pub(crate) missing: Vec<(Response, Time)>,
    /// How many are in force.
    pub(crate) active: BTreeMap<Response, usize>,
    /// As it was after the sweep, for rehearsals.
    pub(crate) ledger: Ledger,
}

/// A write that has not come about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unwritten {
    /// As it is shown.
    pub(crate) shown: wire::Planned,
    /// Namespaces that it is about; one object of a gateway blocks apps of many.
    pub(crate) namespaces: BTreeSet<String>,
}

impl View {
    /// Findings that are skipped, counted.
    pub(crate) fn skipped_counts(&self) -> BTreeMap<(Response, Reason), usize> {
        let mut counts: BTreeMap<(Response, Reason), usize> = BTreeMap::new();
        for skip in &self.skipped {
            *counts.entry((skip.response, skip.reason)).or_default() += skip.findings.len();
        }
        counts
    }
}

impl Sweeper {
    /// Shows what came of a sweep.
    pub(super) fn publish(&self, round: &Round, plan: Plan) {
        let Plan { steps, skipped, quiet: _, over } = plan;
        let monotonic = self.shared.parts.clock.monotonic();
        let items = self.ledger.items.iter().filter(|(_, item)| item.stand == Stand::InForce);
        let mut active: BTreeMap<Response, usize> = BTreeMap::new();
        items.clone().for_each(|((response, _), _)| *active.entry(*response).or_default() += 1);
        let mut ledger = self.ledger.clone();
        // Whole objects are of no use to anybody else.
        ledger.objects.values_mut().for_each(|object| object.observed = None);
        let missing = self.troubles.missing_kinds(monotonic).into_iter();
        let view = View {
            as_of: Some(round.now),
            warm: round.is_warm() && self.read_as.is_some(),
            waiting: round.waiting.clone(),
            applied: items.map(|(key, item)| applied(key, item, over.get(key).copied())).collect(),
            planned: steps.iter().map(|step| unwritten(step, &self.ledger)).collect(),
            skipped,
            missing: missing.map(|(response, left)| (response, later(round.now, left))).collect(),
            active,
            ledger,
        };
        self.shared.show(view);
    }
}

fn applied((response, _): &Key, item: &Item, undo_after: Option<Time>) -> wire::Applied {
    let detail = match &item.content {
        Content::Rule(rule) => {
            let ingress = rule.ingress.join(",");
            let app = if rule.app.name.is_empty() { "an app of before" } else { &rule.app.name };
            format!("block {}/{app} at {ingress}", rule.namespace)
        }
        Content::Message(message) => message.title.clone(),
        Content::Labels(labels) => {
            labels.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        }
    };
    let findings = item.findings.keys().cloned().collect();
    let (response, object, since) = (*response, item.object.clone(), item.since);
    wire::Applied { response, object, detail, findings, since, undo_after }
}

fn unwritten(step: &Step, ledger: &Ledger) -> Unwritten {
    let changed = step.items.iter().filter_map(|(key, item)| item.as_ref().or_else(|| ledger.items.get(key)));
    // Without an item that changes, it is about all that stand in the object.
    let standing = ledger.items_of(step.response).map(|(_, item)| item);
    let standing = standing.filter(|item| step.items.is_empty() && item.object == step.object);
    let namespaces = changed.chain(standing).map(|item| item.content.namespace().to_owned()).collect();
    let shown = wire::Planned {
        response: step.response,
        verb: step.verb.into(),
        object: step.object.clone(),
        detail: step.detail.clone(),
        findings: step.findings.iter().cloned().collect(),
    };
    Unwritten { shown, namespaces }
}

impl From<Verb> for wire::Verb {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Apply => Self::Apply,
            Verb::Undo => Self::Undo,
        }
    }
}

impl From<&Skip> for wire::Skipped {
    fn from(skip: &Skip) -> Self {
        let Skip { response, namespace, app, reason, findings } = skip.clone();
        Self { response, namespace, app, findings, reason }
    }
}

impl WriteResult {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done(written) if written.dropped.is_some() => Self::Invalid,
            Outcome::Done(written) if written.unchanged => Self::Unchanged,
            Outcome::Done(_) | Outcome::Vanished => Self::Ok,
            Outcome::UnknownKind => Self::CrdMissing,
            Outcome::Refused(Reason::Conflict, _) => Self::Conflict,
            Outcome::Refused(Reason::Forbidden, _) => Self::Forbidden,
            Outcome::Refused(Reason::Invalid, _) => Self::Invalid,
            Outcome::Refused(Reason::NotOurs, _) => Self::NotOurs,
            Outcome::Refused(..) | Outcome::Failed(_) | Outcome::NotLeading => Self::Error,
        }
    }
}
