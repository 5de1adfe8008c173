//! Looks whether the store is well again, and how large it is.

use std::time::Duration;

use runtime::tasks::{Failure as Failed, Schedule, Task, Tasks};
use serde::Serialize;

use crate::failure::Failure;
use crate::health::Side;
use crate::statement::{Statement, Write};
use crate::store::Storage;

/// Short, so that a warning does not outlive its cause; one small statement each.
const EVERY: Duration = Duration::from_secs(2);

/// Asks the store again and again.
struct Probe(Storage);

/// What one look found.
#[derive(Debug, Serialize)]
pub(crate) struct Probed {
    /// Size of the database.
    bytes: u64,
}

/// Starts to look after the store, until the process stops.
pub fn watch(storage: &Storage, tasks: &Tasks) {
    let storage = storage.clone();
    tasks.start(Schedule::every(EVERY), move || Probe(storage.clone()));
}

impl Task for Probe {
    const NAME: &'static str = "storage.probe";
    type Report = Probed;

    async fn run(&mut self) -> Result<Probed, Failed> {
        self.0.probe().await.map(|bytes| Probed { bytes }).map_err(|failure| Failed::of(&failure))
    }
}

impl Storage {
    /// Reads the size, and writes a row if the last write failed: only a write tells whether writes succeed again.
    pub(crate) async fn probe(&self) -> Result<u64, Failure> {
        const TOUCH: &str = "UPDATE probe SET probed_at = $1 WHERE id = 1";
        let rows = self.read(Statement::new(self.size_query())).await?;
        let bytes = rows.first().map_or(Ok(0), |row| row.int(0))?;
        let bytes = u64::try_from(bytes).unwrap_or_default();
        self.ground.health.measured(bytes);
        if let Some((Side::Writes, _)) = self.ground.health.failing() {
            let now = self.ground.timed.clock().now().as_second();
            self.write(Write::new().then(Statement::new(TOUCH).bind(now))).await?;
        }
        Ok(bytes)
    }
}
