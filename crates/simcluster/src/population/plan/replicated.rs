//! Deployments, StatefulSets and Rollouts: how many replicas, and what is wrong with which.
//!
//! Owns how faults are dealt out to them, and how pods that wait or failed are.

use super::{App, Owner, Planner, Pods};
use crate::population::fault::{Exposure, Fault, OF_DEPLOYMENTS, OF_TEMPLATES};

impl Planner<'_> {
    /// Deployments, among them those with pods that wait and pods that failed.
    pub(super) fn deployments(&mut self, pods: u32, pending: u32, failed: u32) {
        let first = self.apps.len();
        self.replicated(Owner::Deployment, pods - failed.min(pods));
        self.fail(first, failed.min(pods));
        self.hold_back(first, pending);
    }

    pub(super) fn replicated(&mut self, owner: Owner, pods: u32) {
        let mut left = pods;
        while left > 0 {
            let fault = self.fault(owner, left);
            let wanted = fault.and_then(|fault| fault.facts().replicas);
            let replicas =
                wanted.unwrap_or_else(|| *self.random.pick(&[1, 1, 2, 3, 4, 6, 8, 10, 10, 10, 10, 10])).min(left);
            let exposure = match fault.map(|fault| fault.facts().service) {
                Some(Exposure::Exposed) => Exposure::Exposed,
                Some(Exposure::Either) | None if replicas > 1 && self.random.percent(60) => Exposure::Exposed,
                Some(Exposure::Either) | None => Exposure::Either,
            };
            let app = self.add(owner, Pods { running: replicas, ..Pods::default() });
            (app.fault, app.exposure) = (fault, exposure);
            left -= replicas;
        }
    }

    /// Every fourth workload bears a fault, in turn, if it has pods enough for it.
    fn fault(&mut self, owner: Owner, left: u32) -> Option<Fault> {
        self.chances += 1;
        if !self.chances.is_multiple_of(4) {
            return None;
        }
        let of_deployments = owner == Owner::Deployment && self.chances.is_multiple_of(8);
        let (list, given) = if of_deployments { (OF_DEPLOYMENTS, 0) } else { (OF_TEMPLATES, 1) };
        let fault = list[self.given[given] % list.len()];
        self.given[given] += 1;
        (fault.facts().replicas.unwrap_or(1) <= left).then_some(fault)
    }

    /// Gives pods that failed to Deployments: to one so many that it is a fault, to others a few.
    fn fail(&mut self, first: usize, failed: u32) {
        let mut left = failed;
        let mut sound = self.apps[first..].iter_mut().filter(|app| app.is_sound());
        if let Some(app) = sound.next().filter(|_| failed >= 20) {
            app.pods.failed = 12;
            app.fault = Some(Fault::FailedKept);
            left -= 12;
        }
        for app in self.apps[first..].iter_mut().filter(|app| app.is_sound()) {
            app.pods.failed = left.min(4);
            left -= app.pods.failed;
        }
        if left > 0 {
            self.add(Owner::Deployment, Pods { failed: left, ..Pods::default() });
        }
    }

    /// Makes `pending` pods of Deployments wait: those whose fault it is to, then others.
    fn hold_back(&mut self, first: usize, pending: u32) {
        let mut left = pending;
        let of_fault = |app: &App| app.fault.is_some_and(Fault::keeps_pending);
        for app in self.apps[first..].iter_mut().filter(|app| of_fault(app)) {
            left -= hold(app, left.min(1));
            app.fault = app.fault.filter(|_| app.pods.pending > 0);
        }
        let may_wait = |app: &App| app.is_sound() && app.pods.failed == 0;
        for app in self.apps[first..].iter_mut().rev().filter(|app| may_wait(app)) {
            left -= hold(app, left.min(2));
            app.fault = (app.pods.pending > 0).then_some(Fault::Pending);
        }
    }
}

/// Moves up to `wanted` pods from running to pending.
fn hold(app: &mut App, wanted: u32) -> u32 {
    let held = wanted.min(app.pods.running);
    app.pods.running -= held;
    app.pods.pending += held;
    held
}
