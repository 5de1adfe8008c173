//! Writing objects: what all kinds have in common.
//!
//! Owns metadata, its order, field ownership and the numbering of versions. Specification and status are the kinds'.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, Timestamp};

use super::Object;
use super::json::Json;
use super::ownership::{self, Scope};

/// A kind as objects name it, and who usually writes it.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) api_version: &'static str,
    pub(crate) name: &'static str,
    /// Who wrote everything but the status.
    pub(crate) manager: &'static str,
    /// Who wrote the status.
    pub(crate) reporter: &'static str,
    /// Fields that are owned whole, beside those that always are.
    pub(crate) whole: &'static [&'static str],
}

/// What is said of an object before its specification.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) generate_name: String,
    pub(crate) uid: String,
    pub(crate) generation: Option<i64>,
    pub(crate) created: Timestamp,
    /// When it was told to go.
    pub(crate) deleted: Option<Timestamp>,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) annotations: Vec<(&'static str, String)>,
    pub(crate) owner: Option<Reference>,
    pub(crate) finalizers: &'static [&'static str],
    /// Objects of one sort that follow each other have the same fields, if with other values.
    pub(crate) sort: Option<(u32, u32)>,
    /// Fields that selectors may name, with their values.
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// A controller reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// Writes objects one after another.
#[derive(Debug)]
pub(crate) struct Scribe {
    version: u64,
    now: Timestamp,
    whole: Json,
    main: Json,
    status: Json,
    fields: Fields,
    /// What objects that were written lie in.
    chunk: BytesMut,
    pub(crate) written: VecDeque<Object>,
}

/// Which fields the last object has.
#[derive(Debug, Default)]
struct Fields {
    sort: Option<(u32, u32)>,
    main: Json,
    status: Json,
}

/// Some twenty pods.
const CHUNK: usize = 128 << 10;

/// What is owned whole in objects that controllers write and nobody applies. It keeps them at their usual weight.
pub(crate) const WHOLE: &[&str] = &[
    "conditions",
    "env",
    "hostIPs",
    "livenessProbe",
    "ownerReferences",
    "podIPs",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "topologySpreadConstraints",
    "volumeMounts",
    "volumes",
];

/// What defaults, admission and the scheduler add to a pod: nobody owns it.
const UNOWNED: &[&str] = &[
    "defaultMode",
    "dnsPolicy",
    "imagePullPolicy",
    "nodeName",
    "periodSeconds",
    "priority",
    "schedulerName",
    "tolerations",
];

impl Scribe {
    pub(crate) fn new(first_version: u64, now: Timestamp) -> Self {
        let [whole, main, status] = std::array::from_fn(|_| Json::default());
        let (fields, chunk, written) = (Fields::default(), BytesMut::new(), VecDeque::new());
        Self { version: first_version, now, whole, main, status, fields, chunk, written }
    }

    /// So many seconds before now.
    pub(crate) fn ago(&self, seconds: impl Into<i64>) -> Timestamp {
        let before = SignedDuration::from_secs(seconds.into());
        self.now.saturating_sub(before).expect("a duration in seconds can be taken off")
    }

    /// Writes an object: `main` everything between metadata and status, `status` what is in the status. A status
    /// without members is left out.
    pub(crate) fn object(
        &mut self,
        kind: &Kind,
        head: Head,
        main: impl FnOnce(&mut Json),
        status: impl FnOnce(&mut Json),
    ) {
        let mut head = head;
        head.labels.sort_unstable();
        head.annotations.sort_unstable();
        self.main.clear();
        main(&mut self.main);
        self.status.clear();
        status(&mut self.status);
        self.compose(kind, &head);
        self.written.push_back(Object {
            api_version: kind.api_version,
            kind: kind.name,
            namespace: head.namespace.into(),
            name: head.name.into(),
            uid: head.uid.into(),
            version: self.version,
            labels: head.labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            fields: head.fields.into_iter().map(|(path, value)| (path, value.into())).collect(),
            owner: head.owner.map(|owner| owner.uid.into()),
            body: kept(&mut self.chunk, self.whole.bytes()),
        });
        self.version += 1;
    }

    fn compose(&mut self, kind: &Kind, head: &Head) {
        let Self { whole, main, status, version, fields, .. } = self;
        fields.read(kind, head, main.bytes(), status.bytes());
        whole.clear();
        whole.item(|json| {
            for (key, value) in kind.names() {
                json.text(key, value);
            }
            json.object("metadata", |json| {
                head.write(json, *version);
                json.array("managedFields", |json| fields.write(json, kind, head.created));
            });
            json.members(main.bytes());
            if !status.bytes().is_empty() {
                json.object("status", |json| json.members(status.bytes()));
            }
        });
    }
}

/// A copy that lies beside others: an allocation for each of 250,000 objects takes longer than writing them. It goes when
/// all of its chunk have gone.
fn kept(chunk: &mut BytesMut, bytes: &[u8]) -> Bytes {
    if chunk.capacity() < bytes.len() {
        *chunk = BytesMut::with_capacity(CHUNK.max(bytes.len()));
    }
    chunk.extend_from_slice(bytes);
    chunk.split().freeze()
}

impl Kind {
    fn scope(&self) -> Scope {
        Scope { without: UNOWNED, whole: self.whole }
    }

    /// Built-in kinds begin with the kind, custom ones follow the alphabet.
    fn names(&self) -> [(&'static str, &'static str); 2] {
        let (kind, version) = (("kind", self.name), ("apiVersion", self.api_version));
        if self.api_version.starts_with("argoproj.io/") { [version, kind] } else { [kind, version] }
    }
}

impl Head {
    fn write(&self, json: &mut Json, version: u64) {
        json.text("name", &self.name);
        for (key, value) in [("generateName", &self.generate_name), ("namespace", &self.namespace)] {
            if !value.is_empty() {
                json.text(key, value);
            }
        }
        json.text("uid", &self.uid);
        json.text("resourceVersion", &version.to_string());
        if let Some(generation) = self.generation {
            json.number("generation", generation);
        }
        json.text("creationTimestamp", &self.created.to_string());
        if let Some(deleted) = self.deleted {
            json.text("deletionTimestamp", &deleted.to_string());
        }
        self.owned(json);
        if !self.finalizers.is_empty() {
            json.texts("finalizers", self.finalizers.iter().copied());
        }
    }

    /// The parts of metadata that belong to whoever wrote them.
    fn owned(&self, json: &mut Json) {
        for (key, pairs) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !pairs.is_empty() {
                json.map(key, pairs.iter().map(|(key, value)| (*key, value.as_str())));
            }
        }
        if let Some(owner) = &self.owner {
            json.array("ownerReferences", |json| json.item(|json| owner.write(json)));
        }
    }

    /// The fields of everything but the status, as FieldsV1 without its braces.
    fn fields_of_main(&self, json: &mut Json, kind: &Kind, main: &[u8]) {
        let mut owned = Json::default();
        if !self.generate_name.is_empty() {
            owned.text("generateName", &self.generate_name);
        }
        self.owned(&mut owned);
        if !owned.bytes().is_empty() {
            json.object("f:metadata", |json| ownership::write(json, owned.bytes(), &kind.scope()));
        }
        ownership::write(json, main, &kind.scope());
    }
}

impl Fields {
    /// The fields of an object; they are read off it unless the last one was of its sort.
    fn read(&mut self, kind: &Kind, head: &Head, main: &[u8], status: &[u8]) {
        if head.sort.is_some() && head.sort == self.sort {
            return;
        }
        self.sort = head.sort;
        self.main.clear();
        head.fields_of_main(&mut self.main, kind, main);
        self.status.clear();
        if !status.is_empty() {
            self.status.object("f:status", |json| ownership::write(json, status, &kind.scope()));
        }
    }

    fn write(&self, json: &mut Json, kind: &Kind, created: Timestamp) {
        json.item(|json| {
            entry(json, kind, kind.manager, created);
            json.object("fieldsV1", |json| json.members(self.main.bytes()));
        });
        if !self.status.bytes().is_empty() {
            json.item(|json| {
                entry(json, kind, kind.reporter, created);
                json.object("fieldsV1", |json| json.members(self.status.bytes()));
                json.text("subresource", "status");
            });
        }
    }
}

impl Reference {
    fn write(&self, json: &mut Json) {
        json.text("apiVersion", self.api_version);
        json.text("kind", self.kind);
        json.text("name", &self.name);
        json.text("uid", &self.uid);
        json.flag("controller", true);
        json.flag("blockOwnerDeletion", true);
    }
}

fn entry(json: &mut Json, kind: &Kind, manager: &str, time: Timestamp) {
    json.text("manager", manager);
    json.text("operation", "Update");
    json.text("apiVersion", kind.api_version);
    json.text("time", &time.to_string());
    json.text("fieldsType", "FieldsV1");
}
