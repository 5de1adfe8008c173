//! How many findings there are by source, severity and state: counted as they change, so that nobody has to look at all of them.

use api::Severity;
use api::finding::{Source, State};

use crate::record::Record;

/// Numbers of findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally([[[usize; State::ALL.len()]; Severity::ALL.len()]; Source::ALL.len()]);

impl Tally {
    /// How many there are of a kind.
    pub const fn of(&self, source: Source, severity: Severity, state: State) -> usize {
        self.0[source as usize][severity as usize][state as usize]
    }

    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.0.iter().flatten().flatten().sum()
    }

    pub(super) fn add(&mut self, record: &Record) {
        *self.slot(record) += 1;
    }

    pub(super) fn remove(&mut self, record: &Record) {
        *self.slot(record) -= 1;
    }

    fn slot(&mut self, record: &Record) -> &mut usize {
        let severities = &mut self.0[record.source as usize];
        &mut severities[record.told.severity as usize][record.state() as usize]
    }
}
