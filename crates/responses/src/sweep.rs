//! One sweep after another: look, plan, compare, write, remember.
//!
//! Owns the order, and when nothing is written. What is wanted is `plan`'s; how it is written, `write`'s; whether it may be, `gate`'s.

mod gate;
mod notes;
mod pace;
mod perform;
mod trouble;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use api::{Fingerprint, Time};
use kubeio::election::Leading;
use runtime::shutdown::Stop;
use storage::Fence;
use tracing::warn;

use self::gate::Gate;
use self::notes::Notes;
use self::pace::Pace;
use self::trouble::Troubles;
pub(crate) use self::view::View;
#[cfg(test)]
pub(crate) use self::write::label_of_old;
pub(crate) use self::write::rehearse;
use crate::Lead;
use crate::adopt::Adopt;
use crate::ledger::{self, Changes, Ledger};
use crate::plan::{self, Causes, Ground, Input, PodLabels};
use crate::protected::Protected;
use crate::response::{AppKey, Response};
use crate::responses::Shared;
use crate::select::{Judge, Selection};
use crate::settings::Settings;

/// The sweeps of one leadership.
#[derive(Debug)]
pub(crate) struct Sweeper {
    shared: Arc<Shared>,
    lead: Lead,
    leading: Leading,
    /// Once it is asked for, no further step is taken.
    stop: Stop,
    ledger: Ledger,
    /// The number under which the ledger was read; none if it is not what was stored.
    read_as: Option<Fence>,
    /// Responses whose objects were looked for.
    adopted: BTreeSet<Response>,
    gate: Gate,
    troubles: Troubles,
    pace: Pace,
    notes: Notes,
}

/// The leadership is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended;

/// What one sweep goes by.
#[derive(Debug)]
struct Round {
    settings: Arc<Settings>,
    protected: Protected,
    now: Time,
    /// What is waited for before anything is written.
    waiting: Vec<String>,
    /// Responses that wait for something of their own.
    unready: BTreeSet<Response>,
}

/// What a look at findings, pods and ways says.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) selection: Selection,
    pub(crate) causes: Causes,
    pub(crate) ground: Ground,
}

impl Sweeper {
    /// Sweeps that nothing is known to yet; none if this process does not lead.
    pub(crate) fn begin(shared: Arc<Shared>, lead: Lead, stop: Stop) -> Option<Self> {
        let leading = lead.proof()?;
        let pace = Pace::new(Arc::clone(&shared.parts.clock));
        Some(Self {
            shared,
            lead,
            leading,
            stop,
            ledger: Ledger::default(),
            read_as: None,
            adopted: BTreeSet::new(),
            gate: Gate::default(),
            troubles: Troubles::default(),
            pace,
            notes: Notes::default(),
        })
    }

    /// Looks at everything, and does what is to be done.
    pub(crate) async fn sweep(&mut self) -> Result<(), Ended> {
        self.leading.ensure().map_err(|_| Ended)?;
        let began = self.shared.parts.clock.monotonic();
        let mut round = self.round().await;
        self.adopt(&mut round).await?;
        let sight = see(&self.shared, (&round.settings, &round.protected), &self.ledger, None, round.now);
        let count = plan::count(&self.ledger, &sight.causes, &round.settings, round.now);
        let undo = gate::undo(&self.shared, count, &mut round.waiting);
        let barred = self.troubles.bars(began);
        let input = Input {
            settings: &round.settings,
            selection: &sight.selection,
            causes: &sight.causes,
            ground: &sight.ground,
            ledger: &self.ledger,
            barred: &barred,
            undo,
            now: round.now,
        };
        let mut plan = plan::plan(input);
        let ended = self.perform(&round, &sight, &mut plan).await;
        if let Err(failure) = self.shared.notify.announce(&self.lead, round.now).await {
            warn!("failed to announce what was found: {}", failure.in_words());
        }
        self.troubles.forget(began);
        let took = self.shared.parts.clock.monotonic().saturating_sub(began);
        self.shared.counts.swept(took);
        self.publish(&round, plan);
        ended
    }

    /// Reads what a sweep goes by, and what was stored if that is not known.
    async fn round(&mut self) -> Round {
        let settings = self.shared.settings.load_full();
        let protected = self.shared.protected(&settings);
        let now = Time::of(self.shared.parts.clock.now());
        let (mut waiting, unready) = self.gate.look(&self.shared, &settings);
        if self.read_as.is_none() {
            // The number before what is read under it: a leader in between takes another, and nothing is stored by this one.
            let fence = self.lead.term.fence();
            match ledger::load(&self.shared.parts.storage).await {
                Ok(ledger) => (self.ledger, self.read_as) = (ledger, Some(fence)),
                Err(failure) => {
                    warn!("failed to read what was done: {}", failure.in_words());
                    waiting.push("storage".to_owned());
                }
            }
        }
        Round { settings, protected, now, waiting, unready }
    }

    /// Looks once for what lies in the cluster, for each response that is on or has something in force.
    async fn adopt(&mut self, round: &mut Round) -> Result<(), Ended> {
        let Some(cluster) = self.shared.parts.cluster.clone() else { return Ok(()) };
        if self.read_as.is_none() {
            return Ok(());
        }
        for response in Response::ALL {
            let is_used = round.settings.is_enabled(response) || self.ledger.items_of(response).next().is_some();
            if !is_used || self.adopted.contains(&response) {
                continue;
            }
            if self.troubles.is_missing(response, self.shared.parts.clock.monotonic()) {
                round.unready.insert(response);
                continue;
            }
            let (settings, now) = (&*round.settings, round.now);
            let adopt = Adopt { cluster: &cluster, settings, ledger: &self.ledger, now };
            match adopt.run(response).await {
                Ok(changes) => {
                    self.remember(&changes).await?;
                    self.adopted.insert(response);
                }
                Err(error) if error.is_unknown_kind() => {
                    self.troubles.missing(response, self.shared.parts.clock.monotonic());
                    round.unready.insert(response);
                }
                Err(error) => {
                    warn!(%response, "failed to look for objects of {response}: {}", error.chain());
                    round.waiting.push(format!("{response}: objects of before cannot be listed"));
                    round.unready.insert(response);
                }
            }
        }
        Ok(())
    }

    /// Stores changes of the ledger, and makes them true. If they cannot be stored, everything is read again.
    async fn remember(&mut self, changes: &Changes) -> Result<(), Ended> {
        let Some(fence) = self.read_as.filter(|_| !changes.is_empty()) else { return Ok(()) };
        if let Err(failure) = self.lead.term.write_as(fence, ledger::write_of(changes)).await {
            self.read_as = None;
            self.adopted.clear();
            if matches!(failure, storage::Failure::NotLeading) {
                return Err(Ended);
            }
            warn!("failed to store what was done: {}", failure.in_words());
            return Ok(());
        }
        self.ledger.apply(changes);
        Ok(())
    }
}

/// Looks at findings, and at pods and ways where something is to be blocked.
pub(crate) fn see(
    shared: &Shared,
    (settings, protected): (&Settings, &Protected),
    ledger: &Ledger,
    only: Option<&BTreeSet<Fingerprint>>,
    now: Time,
) -> Sight {
    let in_force = ledger.in_force();
    let judge = Judge { settings, protected, now, in_force: &in_force };
    let (selection, causes) = select(shared, judge, ledger, only);
    let mut namespaces: BTreeMap<&str, Vec<(&str, &str, &AppKey)>> = BTreeMap::new();
    for pick in selection.of_response(Response::WasmPlugin) {
        namespaces.entry(&pick.namespace).or_default().push((&pick.pod_uid, &pick.pod, &pick.app));
    }
    let ground = namespaces.into_iter().map(|(namespace, pods)| {
        let mut neighborhood = shared.routing.neighborhood(namespace);
        neighborhood.pods = pods_of(shared, namespace, &pods);
        (namespace.to_owned(), neighborhood)
    });
    let ground = ground.collect();
    Sight { selection, causes, ground }
}

fn select(
    shared: &Shared,
    judge: Judge<'_>,
    ledger: &Ledger,
    only: Option<&BTreeSet<Fingerprint>>,
) -> (Selection, Causes) {
    shared.parts.findings.ask(|book| {
        let causes = ledger.findings().into_iter().map(|(response, fingerprint)| {
            let cause = judge.cause(response, &fingerprint, book);
            ((response, fingerprint), cause)
        });
        (Selection::of(book, judge, only), causes.collect::<HashMap<_, _>>())
    })
}

/// Live pods of a namespace, and those with findings that are gone.
fn pods_of(shared: &Shared, namespace: &str, wanted: &[(&str, &str, &AppKey)]) -> Vec<PodLabels> {
    let live = shared.parts.pods.in_namespace(namespace).into_iter().map(|pod| PodLabels {
        app: AppKey::new(pod.app.kind, &pod.app.name),
        uid: pod.uid,
        name: pod.name,
        labels: pod.labels,
        is_gone: false,
    });
    let mut pods: Vec<PodLabels> = live.collect();
    let known: HashSet<String> = pods.iter().map(|pod| pod.uid.clone()).collect();
    let mut gone: BTreeMap<&str, &AppKey> = BTreeMap::new();
    for (uid, _, app) in wanted.iter().filter(|(uid, ..)| !uid.is_empty() && !known.contains(*uid)) {
        gone.insert(uid, app);
    }
    for (uid, app) in gone {
        let facts = shared.parts.pods.by_uid(uid).filter(|facts| *facts.namespace == *namespace);
        pods.extend(facts.map(|facts| PodLabels {
            uid: uid.to_owned(),
            name: facts.name,
            app: app.clone(),
            labels: facts.labels.iter().map(|(key, value)| (key.into(), value.into())).collect(),
            is_gone: facts.deleted,
        }));
    }
    pods
}
