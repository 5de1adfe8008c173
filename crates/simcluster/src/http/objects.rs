//! Requests about objects: the verbs.
//!
//! Owns which method means which verb, and the way from a request to a write. Rules of writes are `write`'s.

use std::sync::Arc;

use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::call::Call;
use super::render::{self, Shape, View};
use super::route::Target;
use super::table::Columns;
use super::watch::Watch;
use super::{logs, reviews};
use crate::cluster::Cluster;
use crate::fault::{Effect, WatchFault, undecodable};
use crate::page::{self, ListAsk};
use crate::patch::Force;
use crate::selector::Selection;
use crate::status::Status;
use crate::store::{Entry, Key};
use crate::versions;
use crate::write::{DeleteOptions, EventRules, Part, PatchType, Write, Written, deleted_list, parse_object};

/// What is done to objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Apply,
    Delete,
    DeleteCollection,
}

/// A request about objects.
pub(crate) struct Ask<'a> {
    pub(crate) cluster: &'a Arc<Cluster>,
    pub(crate) call: &'a Call,
    pub(crate) target: &'a Target,
    pub(crate) effect: Option<&'a Effect>,
    /// Present of the cluster, off by what a fault says.
    pub(crate) now: Timestamp,
}

impl Verb {
    /// `None`: the method is not allowed there.
    pub(crate) fn of(call: &Call, target: &Target) -> Result<Option<Self>, Status> {
        let is_object = target.name.is_some();
        Ok(match (&call.method, is_object) {
            (&Method::GET | &Method::HEAD, true) => Some(Self::Get),
            (&Method::GET | &Method::HEAD, false) => {
                let is_watch = call.query.flag("watch")? == Some(true);
                Some(if is_watch { Self::Watch } else { Self::List })
            }
            (&Method::POST, false) => Some(Self::Create),
            (&Method::PUT, true) => Some(Self::Update),
            (&Method::PATCH, true) => {
                let is_apply = call.content_type.starts_with("application/apply-patch");
                Some(if is_apply { Self::Apply } else { Self::Patch })
            }
            (&Method::DELETE, true) => Some(Self::Delete),
            (&Method::DELETE, false) => Some(Self::DeleteCollection),
            _ => None,
        })
    }

    /// Word in metrics and faults.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Word in the rules of access, where an apply is a patch.
    pub(crate) fn access_name(self) -> &'static str {
        if self == Self::Apply { "patch" } else { self.name() }
    }
}

impl Ask<'_> {
    pub(crate) fn answer(&self, verb: Verb) -> Result<Answer, Status> {
        let kind = &self.target.kind;
        let is_namespaceless_write = kind.is_namespaced() && self.target.namespace.is_none();
        if !kind.is_stored() {
            return if verb == Verb::Create { reviews::answer(self) } else { Err(Status::method_not_allowed()) };
        }
        if !kind.verbs().contains(&verb.access_name()) {
            return Err(Status::method_not_allowed());
        }
        if self.target.subresource.as_deref() == Some("log") {
            return if verb == Verb::Get { logs::answer(self) } else { Err(Status::method_not_allowed()) };
        }
        match verb {
            Verb::Get => self.get(),
            Verb::List => self.list(),
            Verb::Watch => self.watch(),
            Verb::Create | Verb::DeleteCollection if is_namespaceless_write => Err(Status::method_not_allowed()),
            Verb::Create => self.create(),
            Verb::Update => self.update(),
            Verb::Patch | Verb::Apply => self.patch(),
            Verb::Delete => self.delete(),
            Verb::DeleteCollection => self.delete_collection(),
        }
    }

    fn part(&self) -> Result<Part, Status> {
        let kind = &self.target.kind;
        match self.target.subresource.as_deref() {
            None => Ok(Part::Whole),
            Some("status") if kind.has_status() => Ok(Part::Status),
            Some("scale") if kind.scale == crate::kind::Subresource::Present => Ok(Part::Scale),
            Some("finalize") if kind.plural == "namespaces" => Ok(Part::Whole),
            Some(_) => Err(Status::new(404, "NotFound", "the server could not find the requested resource")
                .with_details(json!({}))),
        }
    }

    fn key(&self) -> Key {
        let Target { namespace, name, .. } = self.target;
        Key::new(namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default())
    }

    fn write(&self, options: &str) -> Result<Write, Status> {
        let stated = self.call.query.write_options(options)?;
        Ok(Write {
            kind: Arc::clone(&self.target.kind),
            key: self.key(),
            part: self.part()?,
            manager: stated.manager.unwrap_or_else(|| self.call.default_manager()),
            run: stated.run,
            validation: stated.validation,
            events: EventRules::default(),
            at: self.now,
        })
    }

    fn get(&self) -> Result<Answer, Status> {
        let view = View::of(self.call, Shape::One)?;
        let kind = &self.target.kind;
        let state = self.cluster.state();
        if self.part()? == Part::Scale {
            let write = self.write("GetOptions")?;
            return Ok(answer::json(200, &state.scale(&write)?));
        }
        if let Some(asked) = self.call.query.version_of_one()?.filter(|&asked| asked > state.store.version()) {
            return Err(Status::too_large_version(asked, state.store.version()));
        }
        let key = self.key();
        let found = state.store.get(&kind.table(), &key).cloned();
        drop(state);
        let entry = found.ok_or_else(|| Status::not_found(kind, &key.name))?;
        let body = render::object(kind, &entry, view, self.now, Columns::Stated);
        let is_wrong = matches!(self.effect, Some(Effect::UndecodableItem));
        Ok(answer::json_body(200, answer::full(if is_wrong { undecodable(&body) } else { body })))
    }

    fn selection(&self, labels: &str, fields: &str) -> Result<Selection, Status> {
        Selection::parse(&self.target.kind, self.target.namespace.as_deref(), labels, fields)
    }

    fn list(&self) -> Result<Answer, Status> {
        let options = self.call.query.list_options(self.cluster.settings.streaming_lists)?;
        let selection = self.selection(&options.labels, &options.fields)?;
        let view = View::of(self.call, Shape::List)?;
        let kind = &self.target.kind;
        if let (Some(Effect::ExpireContinue), Some(token)) = (self.effect, &options.token) {
            return Err(page::expired(token, selection.namespace.as_deref()));
        }
        let life = self.cluster.settings.continue_ttl;
        let ask = ListAsk { kind, selection: &selection, options: &options, now: self.now, life };
        let mut page = self.cluster.state().list(&ask)?;
        if matches!(self.effect, Some(Effect::UndecodableItem)) {
            page.spoil_first(kind);
        }
        Ok(render::list(kind, page, view, self.now))
    }

    fn watch(&self) -> Result<Answer, Status> {
        let options = self.call.query.list_options(self.cluster.settings.streaming_lists)?;
        let selection = self.selection(&options.labels, &options.fields)?;
        let view = View::of(self.call, Shape::One)?;
        let fault = WatchFault(self.effect.cloned());
        let watch = Watch { kind: Arc::clone(&self.target.kind), selection, options, view, fault };
        Ok(watch.answer(self.cluster))
    }

    /// The object of the body, in the form in which it is stored.
    fn body(&self) -> Result<Value, Status> {
        let kind = &self.target.kind;
        let media_type = self.call.content_type.split(';').next().unwrap_or_default().trim();
        let is_yaml = match media_type {
            "" | "application/json" => false,
            "application/yaml" => true,
            _ => return Err(Status::unsupported_media_type()),
        };
        let is_scale = self.target.subresource.as_deref() == Some("scale");
        if is_scale {
            return crate::write::parse_json(&self.call.body).map_err(Status::bad_request);
        }
        parse_object(kind, &self.call.body, is_yaml)
    }

    fn create(&self) -> Result<Answer, Status> {
        let write = self.write("CreateOptions")?;
        let object = self.body()?;
        let written = self.stored_form(write, |state, write| state.create(write, self.to_stored(object)))?;
        Ok(self.written(written))
    }

    fn update(&self) -> Result<Answer, Status> {
        let write = self.write("UpdateOptions")?;
        let object = self.body()?;
        let written = self.stored_form(write, |state, write| state.update(write, self.to_stored(object)))?;
        Ok(self.written(written))
    }

    fn patch(&self) -> Result<Answer, Status> {
        let kind = &self.target.kind;
        let patch_type = PatchType::of(&self.call.content_type, kind).ok_or_else(Status::unsupported_media_type)?;
        let options = self.call.query.write_options("PatchOptions")?;
        if patch_type == PatchType::Apply && options.manager.is_none() {
            let cause = crate::status::Cause::required("fieldManager", "is required for apply patch");
            return Err(Status::invalid_kind("meta.k8s.io", "PatchOptions", "", &[cause]));
        }
        if patch_type != PatchType::Apply && options.force.is_some() {
            let cause = crate::status::Cause::forbidden("force", "may not be specified for non-apply patch");
            return Err(Status::invalid_kind("meta.k8s.io", "PatchOptions", "", &[cause]));
        }
        let write = self.write("PatchOptions")?;
        let force: Force = options.force();
        let patch = patch_type.read(kind, &self.call.body, force)?;
        let written = self.stored_form(write, |state, write| state.patch(write, patch))?;
        Ok(self.written(written))
    }

    fn delete_options(&self) -> Result<Value, Status> {
        if self.call.body.is_empty() {
            return self.call.query.delete_options();
        }
        let options = crate::write::parse_json(&self.call.body).map_err(Status::bad_request)?;
        if !options.is_object() {
            return Err(Status::bad_request("the body of a deletion must be DeleteOptions"));
        }
        Ok(options)
    }

    fn delete(&self) -> Result<Answer, Status> {
        let (write, options) = self.deletion()?;
        if write.part != Part::Whole {
            return Err(Status::method_not_allowed());
        }
        let written = self.stored_form(write, |state, write| state.delete(write, &options))?;
        Ok(self.written(written))
    }

    fn deletion(&self) -> Result<(Write, DeleteOptions), Status> {
        let stated = self.delete_options()?;
        let mut write = self.write("DeleteOptions")?;
        if stated["dryRun"].as_array().is_some_and(|runs| !runs.is_empty()) {
            write.run = crate::write::Run::Dry;
        }
        Ok((write, DeleteOptions::parse(&stated)?))
    }

    fn delete_collection(&self) -> Result<Answer, Status> {
        let list_options = self.call.query.list_options(self.cluster.settings.streaming_lists)?;
        let selection = self.selection(&list_options.labels, &list_options.fields)?;
        let (write, options) = self.deletion()?;
        let kind = &self.target.kind;
        let mut state = self.cluster.state();
        let entries = state.store.range(&kind.table(), selection.namespace.as_deref(), None);
        let selected: Vec<_> = entries.filter(|entry| selection.admits(entry)).cloned().collect();
        let mut delete = |entry: &Arc<Entry>| {
            let write = Write { key: entry.key.clone(), ..write.clone() };
            state.delete(&write, &options).map(|_| ())
        };
        // The first that is refused ends it; what went before stays gone.
        let outcome = selected.iter().try_for_each(&mut delete);
        let version = state.store.version();
        drop(state);
        self.cluster.stirred.notify_one();
        outcome?;
        let items: Vec<Value> = selected.iter().map(|entry| versions::decode_as(kind, entry)).collect();
        Ok(answer::json(200, &deleted_list(kind, version, &items)))
    }

    /// Runs a write under the lock, and tells what moves by itself.
    fn stored_form(
        &self,
        write: Write,
        run: impl FnOnce(&mut crate::state::State, &Write) -> Result<Written, Status>,
    ) -> Result<Written, Status> {
        let mut write = write;
        let mut state = self.cluster.state();
        if versions::is_newer_event(&write.kind) {
            write.kind = state.catalog.by_table("events").cloned().expect("every cluster has events");
            write.events = EventRules::Strict;
        }
        let written = run(&mut state, &write);
        drop(state);
        self.cluster.stirred.notify_one();
        written
    }

    fn to_stored(&self, object: Value) -> Value {
        if versions::is_newer_event(&self.target.kind) { versions::stored(object) } else { object }
    }

    fn written(&self, written: Written) -> Answer {
        let Written { code, body } = written;
        if !versions::is_newer_event(&self.target.kind) {
            return answer::json_body(code, answer::full(body));
        }
        let object: Value = serde_json::from_slice(&body).unwrap_or_default();
        let object = if object["kind"] == "Event" { versions::served(&self.target.kind, object) } else { object };
        answer::json(code, &object)
    }
}

pub(super) fn drop_key(object: &mut Value, key: &str) {
    if let Some(map) = object.as_object_mut() {
        map.shift_remove(key);
    }
}
