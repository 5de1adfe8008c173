//! What a CustomResourceDefinition brings: kinds to serve.
//!
//! Owns reading it, taking it into service and out again. Schemas are `schema`'s.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::seconds;
use crate::kind::{Custom, Generation, Kind, Origin, PrinterColumn, Scope, Subresource};
use crate::schema::Schema;
use crate::state::State;
use crate::status::{Cause, Status};
use crate::store::{Change, Key, text_at};

/// The table that holds the definitions.
pub(crate) const TABLE: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Refuses a definition that cannot be served.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<(), Status> {
    if kind.table() != TABLE {
        return Ok(());
    }
    let name = text_at(object, "metadata.name");
    let expected = format!("{}.{}", text_at(object, "spec.names.plural"), text_at(object, "spec.group"));
    if name != expected {
        let why = "must be spec.names.plural+\".\"+spec.group";
        return Err(Status::invalid(kind, name, &[Cause::invalid("metadata.name", &name.into(), why)]));
    }
    let checked = check_group(object).and_then(|()| kinds(object));
    checked.map(|_| ()).map_err(|cause| Status::invalid(kind, name, &[cause]))
}

/// Groups of the community need its consent; a definition states where it was given.
const APPROVAL: &str = "api-approved.kubernetes.io";

fn check_group(definition: &Value) -> Result<(), Cause> {
    let group = text_at(definition, "spec.group");
    if !group.contains('.') {
        return Err(Cause::invalid("spec.group", &group.into(), "should be a domain with at least one dot"));
    }
    let is_protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if is_protected && definition["metadata"]["annotations"].get(APPROVAL).is_none() {
        let why = format!(
            "protected groups must have approval annotation \"{APPROVAL}\", see https://github.com/kubernetes/enhancements/pull/1111"
        );
        return Err(Cause::required(&format!("metadata.annotations[{APPROVAL}]"), &why));
    }
    Ok(())
}

/// The kinds that a definition serves, one per version.
pub(crate) fn kinds(definition: &Value) -> Result<Vec<Kind>, Cause> {
    let versions = definition["spec"]["versions"].as_array().map_or(&[][..], Vec::as_slice);
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        return Err(Cause::invalid("spec.versions", &definition["spec"]["versions"], why));
    }
    let served = versions.iter().enumerate().filter(|(_, version)| version["served"] != false);
    served.map(|(nth, version)| kind(definition, nth, version)).collect()
}

fn kind(definition: &Value, nth: usize, version: &Value) -> Result<Kind, Cause> {
    let (spec, names) = (&definition["spec"], &definition["spec"]["names"]);
    let field = |key: &str| format!("spec.versions[{nth}].{key}");
    let open_api = &version["schema"]["openAPIV3Schema"];
    if !open_api.is_object() {
        return Err(Cause::required(&field("schema.openAPIV3Schema"), "schemas are required"));
    }
    let schema = Schema::parse(open_api)
        .map_err(|error| Cause::invalid(&field("schema.openAPIV3Schema"), &Value::Null, &error.to_string()))?;
    let singular = text_at(names, "singular");
    let kind = text_at(names, "kind").to_owned();
    let texts = |value: &Value| {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let selectable = version["selectableFields"].as_array().into_iter().flatten();
    let custom = Custom {
        schema,
        columns: columns(version),
        open_api: open_api.clone(),
        replicas_path: version["subresources"]["scale"]["specReplicasPath"].as_str().map(str::to_owned),
    };
    let has = |name: &str| Subresource::when(version["subresources"][name].is_object().then_some(()));
    Ok(Kind {
        group: text_at(spec, "group").to_owned(),
        version: text_at(version, "name").to_owned(),
        plural: text_at(names, "plural").to_owned(),
        singular: if singular.is_empty() { kind.to_lowercase() } else { singular.to_owned() },
        kind,
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        scope: if text_at(spec, "scope") == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
        status: has("status"),
        scale: has("scale"),
        generation: Generation::Counted,
        selectable: selectable.map(|field| text_at(field, "jsonPath").to_owned()).collect(),
        origin: Origin::Custom(Arc::new(custom)),
    })
}

fn columns(version: &Value) -> Vec<PrinterColumn> {
    let columns = version["additionalPrinterColumns"].as_array().into_iter().flatten();
    columns
        .map(|column| PrinterColumn {
            name: text_at(column, "name").to_owned(),
            column_type: text_at(column, "type").to_owned(),
            format: text_at(column, "format").to_owned(),
            description: text_at(column, "description").to_owned(),
            priority: column["priority"].as_i64().unwrap_or(0),
            json_path: text_at(column, "jsonPath").to_owned(),
        })
        .collect()
}

impl State {
    /// Takes a definition that was written into service, or one that was deleted out of it.
    pub(crate) fn definition_changed(&mut self, change: &Change) {
        let resource = &*change.key().name;
        let (of_plural, of_group) = resource.split_once('.').unwrap_or((resource, ""));
        let is_same = |kind: &Kind| kind.plural == of_plural && kind.group == of_group;
        if self.catalog.all().any(|kind| is_same(kind) && kind.custom().is_none()) {
            // What every cluster has is served as ever, whatever a definition says.
            return;
        }
        let after = change.after.as_ref().map(|entry| entry.decode());
        let Some(definition) = after else {
            self.withdraw(change.at, resource);
            return;
        };
        let (group, plural) = (text_at(&definition, "spec.group"), text_at(&definition, "spec.names.plural"));
        self.catalog.remove(group, plural);
        for kind in kinds(&definition).unwrap_or_default() {
            self.catalog.insert(kind);
        }
        if definition["status"]["conditions"].is_null() {
            self.establish(change.at, definition);
        }
    }

    fn establish(&mut self, at: Timestamp, definition: Value) {
        let mut definition = definition;
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": "True", "lastTransitionTime": seconds(at), "reason": reason, "message": message,
            })
        };
        let versions = definition["spec"]["versions"].as_array().into_iter().flatten();
        let stored: Vec<Value> =
            versions.filter(|version| version["storage"] == true).map(|version| version["name"].clone()).collect();
        definition["status"] = json!({
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": stored,
        });
        let definitions = self.catalog.by_table(TABLE).cloned().expect("every cluster has definitions");
        self.keep(at, &definitions, &definition);
    }

    /// Deletes the objects of a kind whose definition is gone, and ends its watches.
    fn withdraw(&mut self, at: Timestamp, resource: &str) {
        let keys: Vec<Key> = self.store.range(resource, None, None).map(|entry| entry.key.clone()).collect();
        for key in keys {
            self.drop_object(at, resource, &key);
        }
        self.store.watchers.close(resource);
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        self.catalog.remove(group, plural);
    }
}
