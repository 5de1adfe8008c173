//! From what one process shows to its verdict.
//!
//! Owns when evidence is taken, when a match is new, and why one ended. Which rules hold is `rules`' job, putting a
//! match into words `judge`'s.

use std::sync::Arc;

use api::violation::HashSkipped;

use crate::cgroup;
use crate::evidence::{Findings, Hashing, Question};
use crate::hash::Hash;
use crate::inbox::Answer;
use crate::judge::{Context, subject};
use crate::look::Fresh;
use crate::matches::{Cleared, Match, Verdict};
use crate::reader::Ask;
use crate::rules::Judgement;
use crate::table::{Before, Judged, Moment};
use crate::watch::{By, Keep, Watch};

/// Processes that threads are stuck at before hashing, the likeliest reason, is given up.
const STUCK_BEFORE_NO_HASH: usize = 4;

impl Watch {
    /// Judges a process and remembers the verdict; a match that was not known before comes back.
    pub(crate) fn take_in(&mut self, fresh: &Fresh, by: By<'_>) -> Option<Arc<Match>> {
        let moment = self.moment();
        let before = self.table.before(fresh);
        self.counters.analyzed += 1;
        if before.is_none() {
            match by {
                By::Pass => self.counters.new_by_pass += 1,
                By::Event(_) => self.counters.new_by_event += 1,
            }
        }
        let judgement = self.judge_now(fresh, moment);
        let Some(verdict) = self.put_into_words(fresh, &judgement, (before.as_ref(), by), moment) else {
            self.counters.unread.exited += 1;
            self.table.forget(fresh.identity.pid);
            return None;
        };
        let new = self.note_change(before.as_ref(), &verdict, &judgement);
        let judged = Judged { verdict, recheck: judgement.recheck, too_young: !judgement.too_young.is_empty() };
        self.table.remember(fresh, judged, moment);
        new
    }

    fn judge_now(&mut self, fresh: &Fresh, moment: Moment) -> Judgement {
        let (uptime, read_at) = self.uptime;
        let alive = uptime + moment.monotonic.saturating_sub(read_at);
        let age = alive.saturating_sub(self.tree.since_boot(fresh.identity.start_ticks));
        let rules = self.judge.rules.clone();
        let mut scratch = self.judge.scratch.take().unwrap_or_else(|| rules.scratch());
        let judgement =
            rules.judge(&mut scratch, &subject(fresh, age, moment.now), &mut || self.hash_of(fresh, moment));
        self.judge.scratch = Some(scratch);
        judgement
    }

    /// The verdict with its texts and evidence; `None` if the process ended before they could be taken.
    fn put_into_words(
        &mut self,
        fresh: &Fresh,
        judgement: &Judgement,
        (before, by): (Option<&Before>, By<'_>),
        moment: Moment,
    ) -> Option<Verdict> {
        let hit = judgement.matched.as_ref();
        if hit.is_none() && self.keep == Keep::Matches {
            return Some(Verdict::Clean(None));
        }
        let known =
            before.filter(|before| before.same_texts && self.evidence_stands).and_then(|before| before.verdict.words());
        let context = if let Some(known) = known {
            // The same process under other rules: its evidence was taken once.
            Context::of(known)
        } else {
            let hashing = if hit.is_some() { self.hashing() } else { Hashing::Skipped(HashSkipped::Off) };
            self.context(fresh, by, hashing, moment)?
        };
        let words = Arc::new(self.judge.describe(fresh, hit, context, moment.now));
        Some(match (hit, judgement.exempt) {
            (None, _) => Verdict::Clean(Some(words)),
            (Some(_), Some(_)) => Verdict::Exempt(words),
            (Some(_), None) => Verdict::Match(words),
        })
    }

    /// What there is to know beside the texts; `None` if the process ended before a pass could ask.
    fn context(&mut self, fresh: &Fresh, by: By<'_>, hashing: Hashing, moment: Moment) -> Option<Context> {
        let findings = self.findings(fresh, hashing, moment);
        let cgroup = match by {
            By::Pass => findings.as_ref()?.cgroup.clone(),
            By::Event(cgroup) => cgroup.map(<[u8]>::to_vec),
        };
        Some(Context {
            boot_id: self.tree.boot_id.clone(),
            evidence: self.judge.evidence(&self.tree, fresh, findings.as_ref()),
            cgroup: self.judge.cgroup_text(cgroup.as_deref()),
            place: cgroup::place(cgroup.as_deref()),
        })
    }

    /// Counts a new match and hands it back; notes what became of one that was known.
    fn note_change(&mut self, before: Option<&Before>, verdict: &Verdict, judgement: &Judgement) -> Option<Arc<Match>> {
        let was = before.and_then(|before| match &before.verdict {
            Verdict::Match(found) => Some((found.clone(), before.same_texts)),
            Verdict::Exempt(_) | Verdict::Clean(_) => None,
        });
        let was_exempt = before.is_some_and(|before| matches!(before.verdict, Verdict::Exempt(_)));
        match verdict {
            Verdict::Match(found) => {
                if let Some((old, same_texts)) = was {
                    if old.rule == found.rule {
                        return None;
                    }
                    self.carried.cleared.push((old, why(same_texts)));
                }
                self.count_hit(found);
                Some(found.clone())
            }
            Verdict::Exempt(found) => {
                if let Some((old, _)) = was {
                    self.carried.cleared.push((old, Cleared::Exempt));
                }
                if !was_exempt {
                    *self.counters.exempted.entry(found.pack.clone()).or_default() += 1;
                    self.count_exemption(judgement);
                }
                None
            }
            Verdict::Clean(_) => {
                if let Some((old, same_texts)) = was {
                    self.carried.cleared.push((old, why(same_texts)));
                }
                None
            }
        }
    }

    fn count_hit(&mut self, found: &Match) {
        for rule in &found.rules {
            *self.counters.hits.entry(rule.clone()).or_default() += 1;
        }
        *self.counters.matches.entry((found.pack.clone(), found.severity)).or_default() += 1;
    }

    fn count_exemption(&mut self, judgement: &Judgement) {
        let Some(exemption) = judgement.exempt else { return };
        let hits = &mut self.counters.exemption_hits;
        if hits.len() <= exemption.as_usize() {
            hits.resize(exemption.as_usize() + 1, 0);
        }
        hits[exemption.as_usize()] += 1;
    }

    /// Whether executables are hashed now.
    fn hashing(&mut self) -> Hashing {
        if !self.settings.evidence.hash {
            return Hashing::Skipped(HashSkipped::Off);
        }
        if self.reader.stuck_at().len() >= STUCK_BEFORE_NO_HASH {
            return Hashing::Skipped(HashSkipped::Stuck);
        }
        Hashing::UpTo(self.settings.evidence.hash_max)
    }

    /// The evidence of this process; `None` if it has ended. What gets stuck is most likely the hash: once more without.
    fn findings(&mut self, fresh: &Fresh, hashing: Hashing, moment: Moment) -> Option<Findings> {
        let question = Question {
            identity: fresh.identity,
            parent: fresh.parent,
            parents: self.settings.evidence.parents,
            hash: hashing,
        };
        if let Ok(Answer::Evidence(findings)) = self.ask(Ask::Evidence(question)) {
            return findings;
        }
        self.set_stuck(fresh.identity.pid, moment);
        let without = Question { hash: Hashing::Skipped(HashSkipped::Stuck), ..question };
        match self.ask(Ask::Evidence(without)) {
            Ok(Answer::Evidence(findings)) => findings,
            _ => None,
        }
    }

    /// The SHA-256 that a rule asks for, whether evidence is hashed or not.
    fn hash_of(&mut self, fresh: &Fresh, moment: Moment) -> Option<Hash> {
        if self.reader.stuck_at().len() >= STUCK_BEFORE_NO_HASH {
            return None;
        }
        if let Ok(Answer::Hash(hash)) = self.ask(Ask::Hash(fresh.identity.pid, self.settings.evidence.hash_max)) {
            return hash;
        }
        self.set_stuck(fresh.identity.pid, moment);
        None
    }
}

/// The same texts that match no more: the rules are others. Other texts: so is the program.
fn why(same_texts: bool) -> Cleared {
    if same_texts { Cleared::RuleRemoved } else { Cleared::Changed }
}
