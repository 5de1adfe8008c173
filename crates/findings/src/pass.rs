//! What the leader does again and again: silences end, old things go, the hour is counted.

use std::time::Duration;

use api::Time;
use runtime::shutdown::Stop;
use runtime::tasks::{Failure, Schedule, Task, Tasks};
use serde::Serialize;

use crate::findings::{Done, Findings, StoreError};
use crate::follow;
use crate::upkeep;
use crate::writer::What;

/// A silence ends so much too late at most.
const EVERY: Duration = Duration::from_secs(5);

/// One pass after the other.
struct Pass {
    findings: Findings,
    /// The term that was led and the hour that it was at the last pass.
    last: Option<(i64, i64)>,
}

/// What a pass did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Passed {
    /// Whether this process leads; if not, there was nothing to do.
    leads: bool,
    /// What happened to findings.
    transitions: usize,
}

impl Findings {
    /// Starts what goes on until `stop`: the passes of the leader, and reading what other replicas stored.
    pub fn start(&self, tasks: &Tasks, stop: &Stop) {
        tokio::spawn(follow::follow(self.clone(), stop.clone()));
        let findings = self.clone();
        tasks.start(Schedule::every(EVERY), move || Pass { findings: findings.clone(), last: None });
    }

    /// Does what the time alone does: silences end, what is old goes. Leader only; a task does it every few seconds.
    pub async fn pass(&self, now: Time) -> Result<Done, StoreError> {
        if self.inner.is_unsettled() {
            self.change(What::Settle).await?;
        }
        self.change(What::Pass(now)).await
    }

    /// Counts the hour that has begun, and cuts what is longer than it may be. Leader only; a task does it once an hour.
    pub async fn hourly(&self, now: Time) -> Result<(), StoreError> {
        let term = self.inner.term().ok_or(StoreError::NotLeading)?;
        upkeep::count(&self.inner, &term, now).await?;
        Ok(upkeep::trim(&self.inner, &term, now).await?)
    }
}

impl Pass {
    /// Once an hour, if this process has led since the hour before: an hour in which nobody did is a gap.
    async fn hourly(&mut self, now: Time) -> Result<(), StoreError> {
        let fence = self.findings.fence().ok_or(StoreError::NotLeading)?;
        let present = (fence, upkeep::hour(now));
        let (fence, hour) = *self.last.get_or_insert(present);
        if fence == present.0 && hour < present.1 {
            self.findings.hourly(now).await?;
        }
        self.last = Some(present);
        Ok(())
    }
}

impl Task for Pass {
    const NAME: &'static str = "findings.pass";
    type Report = Passed;

    async fn run(&mut self) -> Result<Passed, Failure> {
        let now = self.findings.inner.now();
        let passed = match self.findings.pass(now).await {
            Ok(done) => {
                let passed = Passed { leads: true, transitions: done.transitions.len() };
                self.hourly(now).await.map(|()| passed)
            }
            Err(error) => Err(error),
        };
        match passed {
            Err(StoreError::NotLeading) => Ok(Passed::default()),
            passed => passed.map_err(|error| Failure::of(&error)),
        }
    }
}
