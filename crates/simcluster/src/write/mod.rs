//! What a write goes through before it is stored.
//!
//! Owns the order of checks that create, update, patch and apply share. Patches and field ownership are `patch`'s, schemas
//! `schema`'s, deletion `delete`'s.
//!
//! ```text
//! body ─► kind, name, namespace agree ─► defaults ─► schema ─► metadata ─► owners of fields ─► store
//! ```

mod body;
mod create;
mod defaults;
mod delete;
mod events;
mod immutable;
mod metadata;
mod patching;
mod scale;
mod update;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

pub(crate) use self::body::{parse_json, parse_object, quote_character};
pub(crate) use self::delete::{DeleteOptions, FOREGROUND, ORPHAN, deleted_list, without_finalizer};
pub(crate) use self::metadata::{check_shape, drop_nulls};
pub(crate) use self::patching::PatchType;
pub(crate) use self::update::is_released;
use crate::clock::seconds;
use crate::kind::Kind;
use crate::patch::Manager;
use crate::state::State;
use crate::status::Status;
use crate::store::{Entry, Key};

/// Whether a write is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Run {
    #[default]
    Real,
    Dry,
}

/// What happens to fields that a schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Validation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// By which rules an event is judged: those of the group that it is written through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum EventRules {
    /// The core group.
    #[default]
    Lenient,
    /// events.k8s.io
    Strict,
}

/// What of an object a path addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Status,
    Scale,
}

/// What a write is about, and how it is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) kind: Arc<Kind>,
    pub(crate) key: Key,
    pub(crate) part: Part,
    /// Who owns the fields that are written.
    pub(crate) manager: String,
    pub(crate) run: Run,
    pub(crate) validation: Validation,
    /// How an event is judged.
    pub(crate) events: EventRules,
    pub(crate) at: Timestamp,
}

/// What a write answers.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) code: u16,
    pub(crate) body: Bytes,
}

impl Write {
    /// The owner of what this writes.
    fn manager(&self) -> Manager {
        let subresource = match self.part {
            Part::Whole => None,
            Part::Status => Some("status".to_owned()),
            Part::Scale => Some("scale".to_owned()),
        };
        Manager {
            name: self.manager.clone(),
            api_version: self.kind.api_version(),
            subresource,
            time: seconds(self.at),
        }
    }
}

impl Written {
    fn stored(code: u16, entry: &Entry) -> Self {
        Self { code, body: entry.body().clone() }
    }

    fn value(code: u16, value: &Value) -> Self {
        Self { code, body: Bytes::from(value.to_string()) }
    }
}

impl State {
    /// The object that a write is about.
    fn present(&self, write: &Write) -> Result<Arc<Entry>, Status> {
        let found = self.store.get(&write.kind.table(), &write.key);
        found.cloned().ok_or_else(|| Status::not_found(&write.kind, &write.key.name))
    }

    /// Stores `object`, which passed all checks.
    pub(crate) fn keep(&mut self, at: Timestamp, kind: &Kind, object: &Value) -> Arc<Entry> {
        let entry = Entry::encode(kind, object, self.store.next_version());
        let change = self.store.put(at, &kind.table(), entry);
        self.touched(&change);
        Arc::clone(change.after.as_ref().expect("what was put is there"))
    }

    /// Takes an object out of the store.
    pub(crate) fn drop_object(&mut self, at: Timestamp, table: &str, key: &Key) {
        if let Some(change) = self.store.remove(at, table, key) {
            self.touched(&change);
        }
    }
}
