//! Takes over the rules of ProcScan, the scanner that came before.
//!
//! Owns what becomes of each former item, and telling of every one that was changed or left out. What the written file
//! means is for the rest of `rules`.
//!
//! ```text
//! former file ──► former ──► rules, exemptions ──► yaml ──► Imported
//!                                └── dialect: what its patterns mean here
//! ```

mod dialect;
mod exemptions;
mod former;
mod note;
mod room;
mod rules;
mod yaml;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use document::{Document, Fault, Limits};

use self::former::Former;
use self::note::Notes;
use self::rules::Rules;
use self::yaml::Draft;

pub use self::note::{ImportNote, Outcome, Reason};

/// A former rules file, taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// A rules file of version 1. It compiles, also together with the built-in packs.
    pub yaml: String,
    /// Every item that was changed or left out, in the order of the former lists.
    pub report: Vec<ImportNote>,
}

/// Takes over a former rules file, which messages call `file`.
///
/// Two forms are known: `detectionRules` with `blacklist` and `whitelist`, as in the configuration of ProcScan, and
/// its later `schema_version: 2`. The same text gives the same result.
pub fn import(file: &str, text: &str) -> Result<Imported, Vec<Fault>> {
    let document = Document::parse(file, text, Limits::default())?;
    let former = Former::read(&document)?;
    let mut notes = Notes::default();
    let mut draft = Draft::new(file);
    let rules = Rules::take_over(&former.rules, &mut draft, &mut notes);
    exemptions::take_over(&former, &rules, &mut draft, &mut notes);
    former.report_the_rest(&mut notes);
    Ok(Imported { yaml: draft.finish(), report: notes.into_vec() })
}
