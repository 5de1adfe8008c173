//! The rule set in force, and the last one that was refused.
//!
//! Owns what `GET /api/v1/rules` and the figures about rules are made of. Loading and judging is `processes`' job.

use std::collections::BTreeMap;

use api::Time;
use api::rules::{ExemptionSummary, RefusedReload, RuleSummary, RulesAnswer};
use api::violation::ExemptScope;
use processes::matches::Counters;
use processes::rules::RuleSet;

/// The rule set in force.
#[derive(Debug)]
pub(crate) struct RulesInForce {
    /// Everything but hits and expiry.
    answer: RulesAnswer,
    reloads_ok: u64,
    reloads_refused: u64,
    by_scope: ByScope,
}

/// Matches that an exemption removed once their pod was known. The others `processes` counts.
#[derive(Debug, Default)]
struct ByScope {
    /// Scope of each exemption of the set, and the matches it removed.
    hits: Vec<(Option<ExemptScope>, u64)>,
    /// By pack of the primary rule, since the start.
    packs: BTreeMap<String, u64>,
}

impl RulesInForce {
    pub(crate) fn new(rules: &RuleSet, now: Time) -> Self {
        let by_scope = ByScope { hits: scopes(rules), packs: BTreeMap::new() };
        Self { answer: summary(rules, now), reloads_ok: 0, reloads_refused: 0, by_scope }
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
            self.by_scope.hits = scopes(rules);
        }
    }

    /// A match of a rule of this pack is exempt, because its pod is in this scope.
    pub(crate) fn exempted(&mut self, pack: &str, scope: &ExemptScope) {
        *self.by_scope.packs.entry(pack.to_owned()).or_default() += 1;
        if let Some((_, hits)) = self.by_scope.hits.iter_mut().find(|(of, _)| of.as_ref() == Some(scope)) {
            *hits += 1;
        }
    }

    /// Matches that exemptions removed, by pack of the primary rule.
    pub(crate) fn exempted_by_pack(&self, counters: &Counters) -> BTreeMap<String, u64> {
        let mut packs = counters.exempted.clone();
        for (pack, count) in &self.by_scope.packs {
            *packs.entry(pack.clone()).or_default() += count;
        }
        packs
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
            let by_scope = self.by_scope.hits.get(position).map_or(0, |(_, hits)| *hits);
            exemption.hits = counters.exemption_hits.get(position).map_or(by_scope, |hits| hits + by_scope);
            exemption.expired = is_expired(exemption, now);
        }
        answer
    }
}

fn is_expired(exemption: &ExemptionSummary, now: Time) -> bool {
    exemption.until.is_some_and(|until| until <= now)
}

fn scopes(set: &RuleSet) -> Vec<(Option<ExemptScope>, u64)> {
    set.exemptions().iter().map(|exemption| (exemption.scope().cloned(), 0)).collect()
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
