//! How much one sweep may begin, worst first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::{Fingerprint, Severity, Time};

use super::{Input, Plan};
use crate::response::{Reason, Response, Skip};
use crate::select::Pick;

/// Findings that one item answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Unit {
    pub(super) picks: Vec<Arc<Pick>>,
}

/// Findings of a response by what one item answers.
pub(super) fn units<K: Ord>(input: Input<'_>, response: Response, key: impl Fn(&Pick) -> K) -> BTreeMap<K, Unit> {
    let mut units: BTreeMap<K, Unit> = BTreeMap::new();
    for pick in input.selection.of_response(response) {
        units.entry(key(pick)).or_default().picks.push(Arc::clone(pick));
    }
    units
}

/// Of what is new, worst first, as much as may begin now; the rest is skipped. `active` is in force already.
pub(super) fn admit<T>(
    mut new: Vec<(Unit, T)>,
    active: usize,
    (response, input): (Response, Input<'_>),
    plan: &mut Plan,
) -> Vec<(Unit, T)> {
    new.sort_by_cached_key(|(unit, _)| unit.rank());
    let (per_sweep, most) = input.settings.limits(response);
    let room = most.saturating_sub(active);
    let admitted = room.min(per_sweep).min(new.len());
    let rest = new.split_off(admitted);
    // Those that fit, but for the limit of this sweep, come first.
    for (position, (unit, _)) in (admitted..).zip(rest) {
        let reason = if position < room { Reason::PerSweepLimit } else { Reason::ActiveLimit };
        unit.skip(response, reason, plan);
    }
    new
}

impl Unit {
    fn rank(&self) -> (Reverse<Severity>, Time, String, String) {
        let worst = self.picks.iter().map(|pick| pick.severity).max().unwrap_or(Severity::Low);
        let oldest = self.oldest();
        (Reverse(worst), oldest.first_seen, oldest.namespace.clone(), oldest.app.name.clone())
    }

    /// The finding that was first seen first.
    pub(super) fn oldest(&self) -> &Pick {
        let oldest = self.picks.iter().min_by_key(|pick| (pick.first_seen, &pick.fingerprint));
        oldest.expect("a unit is made for a finding")
    }

    /// Each with its episode.
    pub(super) fn findings(&self) -> BTreeMap<Fingerprint, u64> {
        self.picks.iter().map(|pick| (pick.fingerprint.clone(), pick.episode)).collect()
    }

    pub(super) fn fingerprints(&self) -> BTreeSet<Fingerprint> {
        self.picks.iter().map(|pick| pick.fingerprint.clone()).collect()
    }

    /// Says why nothing is done, app by app.
    pub(super) fn skip(&self, response: Response, reason: Reason, plan: &mut Plan) {
        let mut apps: BTreeMap<(&str, &str), Vec<Fingerprint>> = BTreeMap::new();
        for pick in &self.picks {
            apps.entry((&pick.namespace, &pick.app.name)).or_default().push(pick.fingerprint.clone());
        }
        for ((namespace, app), mut findings) in apps {
            findings.sort_unstable();
            let (namespace, app) = (namespace.to_owned(), app.to_owned());
            plan.skipped.push(Skip { response, namespace, app, reason, findings });
        }
    }
}
