//! Whether anything may be written, and whether anything may be taken back.

use std::collections::BTreeSet;

use api::finding::Source;
use findings::Book;
use runtime::probes::Check;

use crate::plan::{Count, Undo};
use crate::response::Response;
use crate::responses::Shared;
use crate::settings::Settings;

/// What was seen since this leadership began.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// A collection has ended in which a node has answered.
    has_collected: bool,
}

impl Gate {
    /// What is waited for, and which responses wait for something of their own.
    pub(super) fn look(&mut self, shared: &Shared, settings: &Settings) -> (Vec<String>, BTreeSet<Response>) {
        self.has_collected = self.has_collected || shared.parts.findings.ask(has_looked);
        let mut waiting = Vec::new();
        let checks = [
            (shared.parts.cluster.is_none(), "cluster"),
            (!shared.parts.pods.is_synced(), "pods"),
            (!self.has_collected, "collection"),
        ];
        waiting.extend(checks.into_iter().filter(|(waits, _)| *waits).map(|(_, word)| word.to_owned()));
        let mut unready = BTreeSet::new();
        if settings.wasm_plugin.enabled {
            let missing = shared.routing.missing();
            if !missing.is_empty() {
                unready.insert(Response::WasmPlugin);
            }
            waiting.extend(missing.into_iter().map(|word| format!("wasm_plugin: {word}")));
        }
        (waiting, unready)
    }
}

/// What may be taken back, with the reason if that is not everything.
pub(super) fn undo(shared: &Shared, count: Count, waiting: &mut Vec<String>) -> Undo {
    if !matches!(shared.parts.storage.check(), Check::Ok) {
        waiting.push("undo: the storage fails".to_owned());
        return Undo::Nothing;
    }
    if shared.parts.pods.count() == 0 {
        waiting.push("undo: no pod is known".to_owned());
        return Undo::Nothing;
    }
    if count.is_mass() && !is_fresh(shared) {
        let Count { in_force, over } = count;
        waiting.push(format!("undo: {over} of {in_force} would end at once while not every node is fresh"));
        return Undo::Deliberate;
    }
    Undo::All
}

/// Whether the present leader has ended a collection that looked at something: one that is switched off, or has nobody to ask, says
/// nothing of what is gone.
fn has_looked(book: &Book) -> bool {
    let source = Source::Process;
    let has_ended = book.round(source).is_some_and(|round| round.current);
    has_ended && book.scopes(source).any(|scope| book.stale_scope(source, &scope.name).is_none())
}

/// Whether every node was looked at in the last collection, and what it told is believed.
fn is_fresh(shared: &Shared) -> bool {
    shared.parts.findings.ask(|book| {
        let is_believed = book.round(Source::Process).is_some_and(|round| round.current && !round.suspect);
        is_believed
            && book.scopes(Source::Process).all(|scope| book.stale_scope(Source::Process, &scope.name).is_none())
    })
}
