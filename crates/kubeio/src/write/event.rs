//! Events (`events.k8s.io/v1`): short notes beside the object that they are about.
//!
//! Owns their form, and counting repeats instead of writing each.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{FIELD_MANAGER, Target, WriteError, ownership};
use crate::cluster::{Cluster, Content, Verb};
use crate::election::Leading;
use crate::resource::Resource;

const EVENTS: Resource = Resource { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event" };

/// Series that are remembered, about 200 bytes each. A sweep writes 100 new ones at most and repeats each once an hour; what is
/// forgotten is written as a repeat one time too often.
const REMEMBERED: usize = 10_000;

/// The server takes no longer texts.
const NOTE_BYTES: usize = 1024;
const WORD_BYTES: usize = 128;

/// Something that happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Name of the Event: the same for a repetition, another for anything else.
    pub name: String,
    /// The object. Events about cluster-wide ones lie in namespace `default`.
    pub regarding: Target,
    /// Uid of the object; "" if it is not known.
    pub uid: String,
    /// Whether it is bad.
    pub kind: IncidentKind,
    /// Why, in one CamelCase word; cut to 128 bytes.
    pub reason: String,
    /// What was done about it, in one CamelCase word; cut to 128 bytes.
    pub action: String,
    /// In words; cut to 1,024 bytes.
    pub note: String,
}

/// Whether an incident is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentKind {
    /// It is not.
    Normal,
    /// It is.
    Warning,
}

/// The incidents of this process, with how often each was seen.
#[derive(Debug)]
pub struct Incidents {
    /// Who reports: the pod's or the host's name.
    reporter: String,
    /// A series is written this often at most.
    every: Duration,
    series: HashMap<(String, String), Series>,
}

#[derive(Debug)]
struct Series {
    count: u64,
    /// When it was written last, monotonic.
    written: Duration,
}

/// What became of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// An Event was made of it.
    Created,
    /// The Event says now that it was seen so often.
    Repeated(u64),
    /// It was counted; the Event says so the next time that it is written.
    Counted,
}

impl Incidents {
    /// None so far. `reporter` is this process's pod or host; a repetition is written once per `every` at most.
    pub fn new(reporter: &str, every: Duration) -> Self {
        Self { reporter: cut(reporter, WORD_BYTES), every, series: HashMap::new() }
    }

    /// Writes an incident, or counts its repetition.
    pub async fn report(
        &mut self,
        cluster: &Cluster,
        leading: &Leading,
        incident: &Incident,
    ) -> Result<Reported, WriteError> {
        let target = incident.target();
        let now = cluster.clock().monotonic();
        let count = match self.series.get_mut(&key(&target)) {
            None => return self.create(cluster, leading, incident, &target).await,
            Some(series) => {
                series.count += 1;
                if now.saturating_sub(series.written) < self.every {
                    return Ok(Reported::Counted);
                }
                series.count
            }
        };
        match repeat(cluster, leading, &target, count).await {
            // Events live an hour or so: one that has expired is made again.
            Err(WriteError::Call(_, error)) if error.code() == Some(404) => {
                self.create(cluster, leading, incident, &target).await
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.remember(&target, count, now);
                Ok(Reported::Repeated(count))
            }
        }
    }

    async fn create(
        &mut self,
        cluster: &Cluster,
        leading: &Leading,
        incident: &Incident,
        target: &Target,
    ) -> Result<Reported, WriteError> {
        let now = cluster.clock().monotonic();
        let body = incident.body(cluster, &self.reporter);
        let call = target.call(Verb::Create, "?fieldManager=keelwatch", Some(Content::json(&body)));
        let (count, reported) = match cluster.write(leading, call, target).await {
            Ok(_) => (1, Reported::Created),
            // Written before this process began: how often it was seen until then is not known.
            Err(WriteError::Call(_, error)) if error.code() == Some(409) => {
                repeat(cluster, leading, target, 2).await?;
                (2, Reported::Repeated(2))
            }
            Err(error) => return Err(error),
        };
        self.remember(target, count, now);
        Ok(reported)
    }

    fn remember(&mut self, target: &Target, count: u64, written: Duration) {
        let key = key(target);
        if self.series.len() >= REMEMBERED && !self.series.contains_key(&key) {
            let oldest = self.series.iter().min_by_key(|(_, series)| series.written).map(|(key, _)| key.clone());
            oldest.map(|oldest| self.series.remove(&oldest));
        }
        self.series.insert(key, Series { count, written });
    }
}

/// What a series is known by: namespace and name of its Event.
fn key(target: &Target) -> (String, String) {
    (target.namespace.clone().unwrap_or_default(), target.name.clone())
}

/// Says how often an incident was seen; all but the series is immutable.
async fn repeat(cluster: &Cluster, leading: &Leading, target: &Target, count: u64) -> Result<(), WriteError> {
    let series = json!({"series": {"count": count, "lastObservedTime": micro(cluster.clock().now())}});
    let content = Content { media_type: "application/merge-patch+json", body: series.to_string().into_bytes() };
    let call = target.call(Verb::Patch, "?fieldManager=keelwatch", Some(content));
    cluster.write(leading, call, target).await.map(|_| ())
}

impl Incident {
    /// The Event.
    fn target(&self) -> Target {
        let namespace = self.regarding.namespace.as_deref().unwrap_or("default");
        Target::new(&EVENTS, Some(namespace), &self.name)
    }

    fn body(&self, cluster: &Cluster, reporter: &str) -> Value {
        let Self { name, regarding, uid, kind, reason, action, note } = self;
        let mut subject = json!({
            "apiVersion": regarding.resource.api_version(), "kind": regarding.resource.kind, "name": regarding.name,
        });
        if let Some(namespace) = &regarding.namespace {
            subject["namespace"] = namespace.as_str().into();
        }
        if !uid.is_empty() {
            subject["uid"] = uid.as_str().into();
        }
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        json!({
            "apiVersion": EVENTS.api_version(),
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace, "labels": ownership(cluster)},
            "eventTime": micro(cluster.clock().now()),
            "type": match kind { IncidentKind::Normal => "Normal", IncidentKind::Warning => "Warning" },
            "reason": cut(reason, WORD_BYTES),
            "action": cut(action, WORD_BYTES),
            "note": cut(note, NOTE_BYTES),
            "regarding": subject,
            "reportingController": FIELD_MANAGER,
            "reportingInstance": reporter,
        })
    }
}

/// A `MicroTime`.
fn micro(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
