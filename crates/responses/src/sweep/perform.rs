//! Carrying out a plan: each write is asked of the leader's proof, and remembered before the next one.

use std::collections::BTreeMap;

use tracing::{info, warn};

use super::write::{Outcome, Writer, Written};
use super::{Ended, Round, Sight, Sweeper};
use crate::ledger::{Changes, Content, Item, Key, Object, Stand};
use crate::metrics::WriteResult;
use crate::plan::{Act, Plan, Step, Verb};
use crate::response::{Reason, Response, Skip};
use crate::select::{Cause, InForce, Judge};

/// The server has failed so often in a row that the rest of a sweep would fail too.
const FAILURES: u32 = 3;

/// Fingerprints in a line of the log; the rest is counted.
const LOGGED: usize = 20;

impl Sweeper {
    /// Carries out what may be. What remains in the plan was not done.
    pub(super) async fn perform(&mut self, round: &Round, sight: &Sight, plan: &mut Plan) -> Result<(), Ended> {
        let is_warm = round.is_warm() && self.read_as.is_some();
        let mut left = Vec::new();
        let mut ended = Ok(());
        if is_warm {
            let changes = Changes { items: std::mem::take(&mut plan.quiet), objects: BTreeMap::new() };
            self.notes.quiet(&changes, &self.ledger);
            ended = self.remember(&changes).await;
        }
        let mut failures = 0;
        for step in std::mem::take(&mut plan.steps) {
            let may =
                is_warm && !self.stop.is_requested() && ended.is_ok() && self.read_as.is_some() && failures < FAILURES;
            let key = (step.response, step.object.clone());
            let rests = self.troubles.rests(&key, self.shared.parts.clock.monotonic());
            let is_rehearsed = round.settings.is_dry_run(step.response);
            if is_rehearsed && self.notes.planned(&step) {
                self.tell(&step, "would ", true);
            }
            let is_out = !may || rests || is_rehearsed || round.unready.contains(&step.response);
            if is_out || self.has_come_back(round, sight, &step) {
                left.push(step);
                continue;
            }
            match self.take(&step, &mut failures, plan).await {
                Ok(true) => {}
                Ok(false) => left.push(step),
                Err(over) => {
                    ended = Err(over);
                    left.push(step);
                }
            }
        }
        plan.steps = left;
        self.notes.refused(&plan.skipped);
        let now = round.now;
        let told = self.shared.parts.findings.note(self.notes.take(now)).await;
        if let Err(error) = told {
            warn!("failed to note what was done in the histories: {error}");
        }
        ended
    }

    /// Takes one step, and says whether it was done.
    async fn take(&mut self, step: &Step, failures: &mut u32, plan: &mut Plan) -> Result<bool, Ended> {
        let Some(cluster) = self.shared.parts.cluster.clone() else { return Ok(false) };
        let mut writer = Writer { cluster: &cluster, leading: &self.leading, pace: &mut self.pace };
        let outcome = writer.take(step, &self.ledger).await;
        self.shared.counts.wrote(step.response, step.verb, WriteResult::of(&outcome));
        let key = (step.response, step.object.clone());
        let now = self.shared.parts.clock.monotonic();
        match outcome {
            Outcome::NotLeading => return Err(Ended),
            Outcome::Done(written) => {
                *failures = 0;
                self.done(step, &key, written, plan).await?;
                return Ok(true);
            }
            Outcome::Vanished => {
                let gone = |item: &Key| (item.clone(), None);
                let items = step.items.keys().map(gone).collect();
                self.remember(&Changes { items, objects: BTreeMap::from([(key, None)]) }).await?;
                return Ok(true);
            }
            Outcome::UnknownKind => {
                self.troubles.missing(step.response, now);
                self.complain(step, Reason::CrdMissing, "the cluster does not know the kind", plan);
            }
            Outcome::Refused(reason, why) => {
                match reason {
                    Reason::Invalid => self.troubles.refused(&key, reason, &step.hash),
                    Reason::Conflict if step.response == Response::NamespaceLabel && step.verb == Verb::Apply => {
                        self.give_up(step).await?;
                    }
                    _ => self.troubles.barred(&key, reason, now),
                }
                self.complain(step, reason, &why, plan);
            }
            Outcome::Failed(error) => {
                *failures += 1;
                self.troubles.failed(&key, error.retry_after(), now);
                warn!(object = step.object, "failed to write {}: {}", step.object, error.chain());
            }
        }
        Ok(false)
    }

    /// Remembers what was written, and tells of it.
    async fn done(&mut self, step: &Step, key: &Key, written: Written, plan: &mut Plan) -> Result<(), Ended> {
        let Written { uid, unchanged, dropped } = written;
        let object = match step.act {
            Act::Apply(_) => Some(Object { uid, hash: step.hash.clone(), observed: None }),
            Act::Delete | Act::Release => None,
        };
        let changes = Changes { objects: BTreeMap::from([(key.clone(), object)]), items: step.items.clone() };
        self.notes.done(step, &self.ledger);
        self.remember(&changes).await?;
        match dropped {
            Some(field) => {
                self.troubles.refused(key, Reason::Invalid, &step.hash);
                self.complain(step, Reason::Invalid, &format!("the cluster has dropped {field}"), plan);
            }
            None => self.troubles.done(key),
        }
        if !unchanged {
            self.tell(step, "", false);
        }
        Ok(())
    }

    /// One line of the log per write, done or rehearsed.
    fn tell(&self, step: &Step, would: &str, dry_run: bool) {
        let (leader, findings) = (self.shared.parts.reporter.as_str(), logged(step));
        let (response, verb, object, detail) = (step.response, step.verb.as_str(), &step.object, &step.detail);
        info!(%response, verb, object, findings, leader, dry_run, "{would}{verb} {object}: {detail}");
    }

    /// Another manager has a label of a namespace differently: nothing more is done until the findings come back anew.
    async fn give_up(&mut self, step: &Step) -> Result<(), Ended> {
        let refused = |(key, item): (&Key, &Option<Item>)| {
            let item = item.clone().map(|item| Item { stand: Stand::Refused, ..item });
            // What was written stays known, so that it is taken back in the end.
            let before = self.ledger.items.get(key).map(|before| before.content.clone());
            let item = item.map(|item| match before {
                Some(content @ Content::Labels(_)) => Item { content, ..item },
                _ => item,
            });
            (key.clone(), item)
        };
        let items = step.items.iter().map(refused).collect();
        self.remember(&Changes { items, objects: BTreeMap::new() }).await
    }

    /// Says once why something was not done.
    fn complain(&mut self, step: &Step, reason: Reason, why: &str, plan: &mut Plan) {
        let (response, findings) = (step.response, logged(step));
        let object = &step.object;
        warn!(%response, %reason, object, findings, "{object} was not written ({reason}): {why}");
        let mut apps: BTreeMap<(String, String), Vec<api::Fingerprint>> = BTreeMap::new();
        self.shared.parts.findings.ask(|book| {
            for fingerprint in &step.findings {
                let Some(record) = book.get(fingerprint) else { continue };
                let app = record.told.belongs.app.as_ref().map(|app| app.name.clone()).unwrap_or_default();
                let namespace = record.told.subject.namespace.as_deref().unwrap_or_default().to_owned();
                apps.entry((namespace, app)).or_default().push(fingerprint.clone());
            }
        });
        let skip = |((namespace, app), findings)| Skip { response, namespace, app, reason, findings };
        plan.skipped.extend(apps.into_iter().map(skip));
    }

    /// Whether a finding of something that the step takes back is open again since the plan was made.
    fn has_come_back(&self, round: &Round, sight: &Sight, step: &Step) -> bool {
        let ends = step.items.iter().filter(|(_, item)| item.as_ref().is_none_or(|item| item.stand != Stand::InForce));
        let ended = ends.filter_map(|(key, _)| self.ledger.items.get(key));
        let (in_force, settings) = (InForce::default(), &*round.settings);
        let judge = Judge { settings, protected: &round.protected, now: round.now, in_force: &in_force };
        self.shared.parts.findings.ask(|book| {
            ended.flat_map(|item| item.findings.keys()).any(|fingerprint| {
                let before = sight.causes.get(&(step.response, fingerprint.clone()));
                let now = judge.cause(step.response, fingerprint, book);
                now == Cause::Open && before != Some(&Cause::Open)
            })
        })
    }
}

impl Round {
    /// Whether anything may be written. A response that waits for something of its own is told beside.
    pub(super) fn is_warm(&self) -> bool {
        let general = ["cluster", "pods", "collection", "storage"];
        !self.waiting.iter().any(|word| general.contains(&word.as_str()))
    }
}

fn logged(step: &Step) -> String {
    let mut text = step.findings.iter().take(LOGGED).map(api::Fingerprint::as_str).collect::<Vec<_>>().join(",");
    if step.findings.len() > LOGGED {
        text = format!("{text},… (+{})", step.findings.len() - LOGGED);
    }
    text
}
