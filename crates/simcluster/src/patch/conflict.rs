//! Why an apply is refused, in the words of Kubernetes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::configured::Fault;
use super::fields::FieldSet;
use super::managers::{Entry, Operation};

/// Why an apply is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields and want other values.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// The configuration is no object of its kind.
    #[error("failed to create typed patch object ({object}): {}", faults_message(.faults))]
    Invalid {
        /// Namespace and name, API version, kind.
        object: String,
        /// What is wrong; never empty.
        faults: Vec<Fault>,
    },
}

/// One field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it, for example `"alice"` or `"kubelet" with subresource "status" using v1`.
    pub manager: String,
    /// For example `.spec.replicas`.
    pub field: String,
}

impl ApplyError {
    pub(super) fn invalid(configuration: &Value, faults: Vec<Fault>) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let api_version = text(&configuration["apiVersion"]);
        // Kubernetes prints the slash even where the group is empty.
        let slash = if api_version.contains('/') { "" } else { "/" };
        let (metadata, kind) = (&configuration["metadata"], text(&configuration["kind"]));
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        Self::Invalid { object: format!("{namespace}/{name}; {slash}{api_version}, Kind={kind}"), faults }
    }

    /// HTTP status.
    pub fn code(&self) -> u16 {
        match self {
            Self::Conflicts(_) => 409,
            Self::Invalid { .. } => 500,
        }
    }

    /// Word for programs; empty where Kubernetes gives none.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Conflicts(_) => "Conflict",
            Self::Invalid { .. } => "",
        }
    }

    /// Text for people.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// `details` of the Status, if there are any.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Conflicts(conflicts) => {
                Some(json!({"causes": conflicts.iter().map(Conflict::to_cause).collect::<Vec<_>>()}))
            }
            Self::Invalid { .. } => None,
        }
    }
}

impl Conflict {
    /// A conflict over each of the fields of `set` that `owner` has.
    pub(super) fn over(set: &FieldSet, owner: &Entry) -> Vec<Self> {
        let fields = owner.fields.intersection(set).paths();
        let manager = described(owner);
        fields.into_iter().map(|field| Self { manager: manager.clone(), field }).collect()
    }

    fn to_cause(&self) -> Value {
        json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with {}", self.manager),
            "field": self.field,
        })
    }
}

fn described(entry: &Entry) -> String {
    let subresource = entry.subresource.as_ref().map(|name| format!(" with subresource {name:?}")).unwrap_or_default();
    let version = match entry.operation {
        Operation::Apply => String::new(),
        Operation::Update => format!(" using {}", entry.api_version),
    };
    format!("{:?}{subresource}{version}", entry.name)
}

fn faults_message(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|Fault { path, sort }| format!("{path}: {sort}")).collect();
    match lines.as_slice() {
        [line] => line.clone(),
        lines => format!("errors:\n  {}", lines.join("\n  ")),
    }
}

fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [Conflict { manager, field }] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {field}");
    }
    let mut by_manager: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Conflict { manager, field } in conflicts {
        by_manager.entry(manager).or_default().push(field);
    }
    let groups = by_manager.iter().flat_map(|(manager, fields)| {
        let heading = format!("conflicts with {manager}:");
        std::iter::once(heading).chain(fields.iter().map(|field| format!("- {field}")))
    });
    format!("Apply failed with {} conflicts: {}", conflicts.len(), groups.collect::<Vec<_>>().join("\n"))
}
