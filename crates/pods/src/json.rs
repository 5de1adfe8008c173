//! A pod as JSON: the nine fields of the former service, or all.
//!
//! Written straight from the record: this is what every look-up does.

use std::fmt::{Display, Write as _};

use api::violation::SubjectKind;
use jiff::Timestamp;
use serde_json::Value;

use crate::app::AppRule;
use crate::container;
use crate::index::View;
use crate::index::record::ContainerId;

/// How much of a pod is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Detail<'a> {
    /// The nine fields of the former service.
    Nine,
    /// Everything; the rule tells the app.
    Full(&'a AppRule),
}

/// The pod as an object.
pub(crate) fn pod(view: &View<'_>, detail: Detail<'_>) -> String {
    let mut json = Json(String::with_capacity(1024));
    json.pod(view, detail);
    json.0
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut json = Json(String::with_capacity(text.len() + 2));
    json.text(text);
    json.0
}

struct Json(String);

impl Json {
    fn pod(&mut self, view: &View<'_>, detail: Detail<'_>) {
        self.raw("{\"uid\":").display(view.uid());
        self.key("name").text(view.name());
        self.key("namespace").text(view.namespace());
        self.key("nodeName").text(view.node());
        self.key("phase").text(view.phase());
        self.key("podIP");
        match view.addresses().next() {
            Some(address) => self.display(address),
            None => self.raw("\"\""),
        };
        self.pairs("labels", view.labels());
        self.pairs("annotations", view.annotations());
        self.key("createdAt").time(view.created());
        if let Detail::Full(rule) = detail {
            self.more(view, rule);
        }
        self.raw("}");
    }

    fn more(&mut self, view: &View<'_>, rule: &AppRule) {
        self.key("podIPs").list(view.addresses(), |json, address| {
            json.display(address);
        });
        self.key("hostNetwork").raw(word(view.host_network()));
        self.key("configHash");
        match view.config_hash() {
            Some(hash) => self.text(&hash.to_string()),
            None => self.raw("null"),
        };
        self.key("deleted").raw(word(view.died().is_some()));
        self.key("deletedAt");
        match view.died() {
            Some(died) => self.time(Some(died.wall)),
            None => self.raw("null"),
        };
        if view.is_stale() {
            self.key("stale").raw("true");
        }
        self.key("truncatedAnnotations").list(view.truncated(), |json, key| {
            json.text(key);
        });
        self.owner(view);
        let (kind, name) = view.app(rule);
        self.key("app").raw("{\"type\":").text(match kind {
            SubjectKind::App => "app",
            SubjectKind::Devbox => "devbox",
        });
        self.key("name").text(name).raw("}");
        self.key("containers").list(0..view.containers().len(), |json, at| json.container(view, at));
    }

    fn owner(&mut self, view: &View<'_>) {
        let chain = view.chain();
        self.key("owner");
        let (api_version, kind, name, uid) = match chain.top() {
            Some(top) => (top.api_version, top.kind, top.name, top.uid),
            None => ("v1", "Pod", view.name(), Some(view.uid())),
        };
        self.raw("{\"apiVersion\":").text(api_version).key("kind").text(kind).key("name").text(name);
        self.key("uid").text(&uid.map(ToString::to_string).unwrap_or_default());
        self.key("resolved").raw(word(chain.resolved)).raw("}");
        self.key("ownerChain").list(chain.steps(), |json, step| {
            json.raw("{\"kind\":").text(step.kind).key("name").text(step.name).raw("}");
        });
    }

    fn container(&mut self, view: &View<'_>, at: usize) {
        let container = &view.containers()[at];
        self.raw("{\"name\":").text(view.text(container.name));
        self.key("kind").text(container.kind.as_str());
        self.key("id");
        match view.record().container_id(at) {
            ContainerId::Plain(runtime, id) => self.text(&container::text(runtime, id)),
            ContainerId::Odd(id) => self.text(view.text(id)),
            ContainerId::None => self.raw("\"\""),
        };
        self.key("image").text(view.text(container.image));
        self.key("imageID").text(view.text(container.image_id));
        self.key("state").text(container.state.as_str());
        self.key("restarts");
        write!(self.0, "{}}}", container.restarts).expect("a string takes every text");
    }

    /// Left out when empty.
    fn pairs<'a>(&mut self, key: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut pairs = pairs.peekable();
        if pairs.peek().is_none() {
            return;
        }
        self.key(key);
        for (at, (key, value)) in pairs.enumerate() {
            self.raw(if at == 0 { "{" } else { "," }).text(key).raw(":").text(value);
        }
        self.raw("}");
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.raw("[");
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.raw(",");
            }
            each(self, item);
        }
        self.raw("]");
    }

    fn key(&mut self, key: &str) -> &mut Self {
        self.raw(",\"").raw(key).raw("\":")
    }

    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        if is_plain(text) {
            return self.raw("\"").raw(text).raw("\"");
        }
        let escaped = Value::from(text).to_string();
        self.raw(&escaped)
    }

    /// What is displayed, most often without anything to escape.
    fn display(&mut self, value: impl Display) -> &mut Self {
        let start = self.0.len();
        write!(self.0, "\"{value}\"").expect("a string takes every text");
        let text = &self.0[start + 1..self.0.len() - 1];
        if is_plain(text) {
            return self;
        }
        let text = text.to_owned();
        self.0.truncate(start);
        self.text(&text)
    }

    /// A moment in seconds since 1970 as RFC 3339; the empty text if it is not known.
    fn time(&mut self, seconds: Option<u32>) -> &mut Self {
        match seconds.and_then(|seconds| Timestamp::from_second(i64::from(seconds)).ok()) {
            Some(moment) => self.display(moment),
            None => self.raw("\"\""),
        }
    }
}

/// Whether JSON writes it as it is. Without a way out of the loop it is done for many bytes at once.
fn is_plain(text: &str) -> bool {
    let is_odd = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    !text.bytes().fold(false, |odd, byte| odd | is_odd(byte))
}

const fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}
