//! Jobs and CronJobs.
//!
//! A pod of a CronJob is a run of its own; the pods of a Job work together.

use super::{Owner, Planner, Pods};
use crate::population::fault::{Fault, OF_CRON_JOBS};

/// Pods that are not planned yet.
#[derive(Debug)]
struct Left {
    running: u32,
    succeeded: u32,
    failed: u32,
}

impl Planner<'_> {
    /// Plans `pods` pods, of which `succeeded` have ended well. Up to half of those that `failed` in the whole cluster
    /// are used; the number is returned.
    pub(super) fn jobs(&mut self, pods: u32, succeeded: u32, failed: u32) -> u32 {
        let succeeded = succeeded.min(pods);
        let failed = (failed / 2).min(pods - succeeded);
        let mut left = Left { running: pods - succeeded, succeeded, failed };
        let mut faults = 0;
        for turn in 0_u32.. {
            if left.running + left.succeeded == 0 {
                break;
            }
            if turn % 2 == 1 {
                let pods = left.of_job(turn);
                self.add(Owner::Job, pods);
                continue;
            }
            let fault = (turn % 4 == 2).then(|| OF_CRON_JOBS[faults % OF_CRON_JOBS.len()]);
            faults += usize::from(fault.is_some());
            let (fault, pods) = left.of_cron_job(fault, turn);
            self.add(Owner::CronJob, pods).fault = fault;
        }
        failed - left.failed
    }
}

impl Left {
    fn of_job(&mut self, turn: u32) -> Pods {
        let size = turn / 2 % 3 + 1;
        if turn % 4 == 1 && self.succeeded > 0 {
            return Pods { succeeded: take(&mut self.succeeded, size), ..Pods::default() };
        }
        let running = take(&mut self.running, size);
        let succeeded = if running == 0 { take(&mut self.succeeded, size) } else { 0 };
        Pods { running, succeeded, ..Pods::default() }
    }

    fn of_cron_job(&mut self, fault: Option<Fault>, turn: u32) -> (Option<Fault>, Pods) {
        let (failed, succeeded, running) = match fault {
            Some(Fault::CronFailing) => (1, 0, 0),
            Some(Fault::CronPilingUp) => (6, 1, 0),
            Some(Fault::CronOverlap) => (0, 2, 1),
            _ => (0, turn / 2 % 3 + 1, u32::from(turn.is_multiple_of(3))),
        };
        let is_possible = self.failed >= failed && self.running >= failed + running && self.succeeded >= succeeded;
        let fault = fault.filter(|_| is_possible);
        let mut pods = Pods { succeeded: take(&mut self.succeeded, succeeded), ..Pods::default() };
        if is_possible {
            // Every pod that failed takes the place of one that would run.
            pods.failed = take(&mut self.failed, failed);
            self.running -= failed;
            pods.running = take(&mut self.running, running);
        }
        if pods.total() == 0 {
            pods = Pods { running: take(&mut self.running, 1), succeeded: take(&mut self.succeeded, 1), ..pods };
        }
        (fault, pods)
    }
}

fn take(left: &mut u32, wanted: u32) -> u32 {
    let taken = wanted.min(*left);
    *left -= taken;
    taken
}
