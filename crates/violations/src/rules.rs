//! The rule set in force, and the last one that was refused.
//!
//! Owns what `GET /api/v1/rules` and the figures about rules are made of. Loading and judging is `processes`' job.

use api::Time;
use api::rules::{ExemptionSummary, RefusedReload, RuleSummary, RulesAnswer};
use processes::matches::Counters;
use processes::rules::RuleSet;

/// The rule set in force.
#[derive(Debug)]
pub(crate) struct RulesInForce {
    /// Everything but hits and expiry.
    answer: RulesAnswer,
    reloads_ok: u64,
    reloads_refused: u64,
}

impl RulesInForce {
    pub(crate) fn new(rules: &RuleSet, now: Time) -> Self {
        Self { answer: summary(rules, now), reloads_ok: 0, reloads_refused: 0 }
    }

    /// Another set was accepted; it is in force from the first pass that judges by it.
    pub(crate) fn accepted(&mut self) {
        self.answer.last_error = None;
        self.reloads_ok += 1;
    }

    /// A pass has judged by this set: what is told of rules fits what is told of processes.
    pub(crate) fn judged_by(&mut self, rules: &RuleSet, now: Time) {
        if self.answer.revision != rules.revision() {
            let last_error = self.answer.last_error.take();
            self.answer = RulesAnswer { last_error, ..summary(rules, now) };
        }
    }

    /// Another set was refused.
    pub(crate) fn refused(&mut self, errors: Vec<String>, now: Time) {
        self.answer.last_error = Some(RefusedReload { at: now, errors });
        self.reloads_refused += 1;
    }

    pub(crate) fn revision(&self) -> &str {
        &self.answer.revision
    }

    /// Reloads that succeeded and that were refused.
    pub(crate) fn reloads(&self) -> (u64, u64) {
        (self.reloads_ok, self.reloads_refused)
    }

    /// Enabled and disabled rules.
    pub(crate) fn rules(&self) -> (u64, u64) {
        let enabled = self.answer.rules.iter().filter(|rule| rule.enabled).count();
        (enabled as u64, (self.answer.rules.len() - enabled) as u64)
    }

    /// Active and expired exemptions.
    pub(crate) fn exemptions(&self, now: Time) -> (u64, u64) {
        let expired = self.answer.exemptions.iter().filter(|exemption| is_expired(exemption, now)).count();
        ((self.answer.exemptions.len() - expired) as u64, expired as u64)
    }

    /// The set as it is served.
    pub(crate) fn answer(&self, counters: &Counters, now: Time) -> RulesAnswer {
        let mut answer = self.answer.clone();
        for rule in &mut answer.rules {
            rule.hits = counters.hits.get(&rule.id).copied().unwrap_or_default();
        }
        for (position, exemption) in answer.exemptions.iter_mut().enumerate() {
            exemption.hits = counters.exemption_hits.get(position).copied().unwrap_or_default();
            exemption.expired = is_expired(exemption, now);
        }
        answer
    }
}

fn is_expired(exemption: &ExemptionSummary, now: Time) -> bool {
    exemption.until.is_some_and(|until| until <= now)
}

fn summary(set: &RuleSet, loaded_at: Time) -> RulesAnswer {
    let mut rules: Vec<RuleSummary> = set
        .rules()
        .iter()
        .map(|rule| RuleSummary {
            id: rule.id.clone(),
            pack: rule.pack.to_string(),
            severity: rule.severity,
            action: rule.action,
            enabled: rule.enabled,
            hits: 0,
        })
        .collect();
    rules.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let exemptions = set
        .exemptions()
        .iter()
        .map(|exemption| ExemptionSummary {
            reason: exemption.reason.clone(),
            until: exemption.until.map(Time::of),
            expired: false,
            hits: 0,
        })
        .collect();
    RulesAnswer { revision: set.revision().to_string(), loaded_at, rules, exemptions, last_error: None }
}
