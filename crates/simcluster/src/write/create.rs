//! Making an object.
//!
//! Owns what a new object is given: a name, a uid, a time, a namespace that takes it.

use serde_json::{Value, json};

use super::{Part, Run, Validation, Write, Written, defaults, events, metadata};
use crate::clock::seconds;
use crate::definition;
use crate::kind::{Generation, Kind};
use crate::names;
use crate::patch;
use crate::schema::Strictness;
use crate::state::State;
use crate::status::{Cause, Status};
use crate::store::{Entry, Key, text_at};

/// Who owns the fields of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// The writer, of what it changed.
    Update,
    /// It was worked out by an apply.
    Applied,
}

impl State {
    /// Creates `object` in the collection that `write` names.
    pub(crate) fn create(&mut self, write: &Write, object: Value) -> Result<Written, Status> {
        self.create_owned(write, object, Ownership::Update)
    }

    pub(super) fn create_owned(
        &mut self,
        write: &Write,
        object: Value,
        ownership: Ownership,
    ) -> Result<Written, Status> {
        let kind = &*write.kind;
        let mut object = object;
        let stated_version = text_at(&object, "metadata.resourceVersion");
        if !stated_version.is_empty() && stated_version != "0" {
            // A real server takes this for a fault of its own.
            return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        metadata::check_namespace(write, &object)?;
        metadata::reset(&mut object, ownership);
        let key = self.name(write, &mut object)?;
        self.check_room(kind, &key)?;
        // Before anything is filled in where something else stands.
        metadata::check_body(kind, &object)?;
        defaults::fill(kind, &mut object, &mut self.random);
        refuse_undeclared(write, &object)?;
        if kind.has_status() && write.part == Part::Whole && !matches!(kind.plural.as_str(), "nodes" | "namespaces") {
            metadata::remove(&mut object, "status");
        }
        admit(write, &mut object)?;
        metadata::check(kind, &object)?;
        events::check_new(write, &object)?;
        definition::check(kind, &object)?;
        if self.store.get(&kind.table(), &key).is_some() {
            return Err(Status::already_exists(kind, &key.name));
        }
        object["metadata"]["uid"] = self.random.uid().into();
        object["metadata"]["creationTimestamp"] = seconds(write.at).into();
        if kind.generation == Generation::Counted {
            object["metadata"]["generation"] = 1.into();
        }
        if ownership == Ownership::Update {
            patch::record_update(None, &mut object, &write.manager(), lists(kind));
        }
        defaults::begin(kind, &mut object);
        Ok(self.finish_create(write, &object))
    }

    fn finish_create(&mut self, write: &Write, object: &Value) -> Written {
        if write.run == Run::Dry {
            let mut unsaved = Entry::encode(&write.kind, object, 0).decode();
            metadata::remove(&mut unsaved["metadata"], "resourceVersion");
            return Written::value(201, &unsaved);
        }
        let entry = self.keep(write.at, &write.kind, object);
        Written::stored(201, &entry)
    }

    /// The name that the object states, or one made for it.
    fn name(&mut self, write: &Write, object: &mut Value) -> Result<Key, Status> {
        let kind = &*write.kind;
        let mut name = text_at(object, "metadata.name").to_owned();
        if !write.key.name.is_empty() && !name.is_empty() && *name != *write.key.name {
            return Err(metadata::other_name(&name, &write.key.name));
        }
        if name.is_empty() {
            name = write.key.name.to_string();
        }
        if name.is_empty() {
            let base = text_at(object, "metadata.generateName").to_owned();
            if base.is_empty() {
                let why = "name or generateName is required";
                return Err(Status::invalid(kind, "", &[Cause::required("metadata.name", why)]));
            }
            name = names::generate(&base, &mut self.random);
        }
        if let Some(cause) = names::check(kind, &name) {
            return Err(Status::invalid(kind, &name, &[cause]));
        }
        object["metadata"]["name"] = name.as_str().into();
        if kind.is_namespaced() {
            object["metadata"]["namespace"] = write.key.namespace.as_ref().into();
        }
        Ok(Key::new(&write.key.namespace, &name))
    }

    /// Whether the namespace is there and stays.
    fn check_room(&self, kind: &Kind, key: &Key) -> Result<(), Status> {
        if !kind.is_namespaced() {
            return Ok(());
        }
        let namespace = self.store.get("namespaces", &Key::new("", &key.namespace));
        let Some(namespace) = namespace else {
            let namespaces = self.catalog.get("", "v1", "namespaces").expect("every cluster has namespaces");
            return Err(Status::not_found(namespaces, &key.namespace));
        };
        if namespace.field(0) != "Terminating" {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {} because it is being terminated", key.namespace);
        let cause = json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {} is being terminated", key.namespace),
            "field": "metadata.namespace",
        });
        let status = Status::forbidden(kind, &key.name, &why);
        let mut details = status.to_value()["details"].clone();
        details["causes"] = json!([cause]);
        Err(status.with_details(details))
    }
}

/// Holds a custom resource against its schema: prunes, defaults, validates.
pub(super) fn admit(write: &Write, object: &mut Value) -> Result<(), Status> {
    let kind = &*write.kind;
    metadata::drop_empty(kind, object);
    let Some(custom) = kind.custom() else {
        metadata::drop_nulls(object);
        return Ok(());
    };
    if let Some(metadata) = object.get_mut("metadata") {
        metadata::drop_nulls(metadata);
    }
    let strictness = match write.validation {
        Validation::Strict => Strictness::Strict,
        Validation::Ignore | Validation::Warn => Strictness::Prune,
    };
    custom.schema.admit(object, strictness).map_err(|causes| {
        let name = text_at(object, "metadata.name");
        let (unknown, wrong): (Vec<_>, Vec<_>) = causes.into_iter().partition(|cause| cause.reason == "UnknownField");
        if unknown.is_empty() {
            return Status::invalid(kind, name, &wrong);
        }
        let messages: Vec<String> = unknown.into_iter().map(|cause| cause.message).collect();
        strict_refusal(kind, &messages)
    })
}

/// Before anything is dropped: a strict writer is told even of what a status holds that is not kept.
fn refuse_undeclared(write: &Write, object: &Value) -> Result<(), Status> {
    match undeclared(write, object).as_slice() {
        [] => Ok(()),
        told => Err(strict_refusal(&write.kind, told)),
    }
}

/// What a strict writer is told of the fields that the schema does not declare.
pub(super) fn undeclared(write: &Write, object: &Value) -> Vec<String> {
    let custom = write.kind.custom().filter(|_| write.validation == Validation::Strict);
    let paths = custom.map(|custom| custom.schema.undeclared(object)).unwrap_or_default();
    paths.iter().map(|path| format!("unknown field {path:?}")).collect()
}

fn strict_refusal(kind: &Kind, told: &[String]) -> Status {
    let (kind, version, told) = (&kind.kind, &kind.version, told.join(", "));
    Status::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {told}"
    ))
}

/// How the lists of a kind merge.
pub(super) fn lists(kind: &Kind) -> &dyn patch::ListTypes {
    match kind.custom() {
        Some(custom) => &custom.schema,
        None => &patch::BuiltInLists,
    }
}
