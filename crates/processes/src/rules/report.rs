//! What is wrong with one rules file, gathered while it is checked.

use document::{Document, Fault};

/// Faults and warnings of one file, with their positions.
#[derive(Debug)]
pub(super) struct Report<'d> {
    document: &'d Document,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl<'d> Report<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self { document, faults: Vec::new(), warnings: Vec::new() }
    }

    /// The file is not accepted.
    pub(super) fn fault(&mut self, path: &str, message: String) {
        self.faults.push(self.document.fault(path, message));
    }

    /// The file is accepted, but this is probably not what is meant.
    pub(super) fn warn(&mut self, path: &str, message: String) {
        self.warnings.push(self.document.fault(path, message));
    }

    pub(super) fn into_parts(self) -> (Vec<Fault>, Vec<Fault>) {
        (self.faults, self.warnings)
    }
}

/// `, did you mean x` if there is something near.
pub(super) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    document::nearest(word, known).map(|near| format!(", did you mean {near}")).unwrap_or_default()
}
