//! What is answered when a request is refused: the Status object of Kubernetes.
//!
//! Owns its shape and the wording of the refusals that every kind shares. Which rule refuses is for the callers.

use serde_json::{Map, Value, json};

use crate::kind::Kind;
pub(crate) use crate::schema::Cause;

/// A refusal, or the success of a deletion.
#[derive(Debug, Clone, PartialEq)]
pub struct Status(Box<Parts>);

#[derive(Debug, Clone, PartialEq)]
struct Parts {
    code: u16,
    reason: String,
    message: String,
    details: Option<Value>,
    /// Where an expired list may go on.
    token: Option<String>,
    retry_after_seconds: Option<u64>,
}

impl Cause {
    pub(crate) fn new(reason: &str, field: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into(), field: field.to_owned() }
    }

    pub(crate) fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"))
    }

    pub(crate) fn required(field: &str, why: &str) -> Self {
        Self::new("FieldValueRequired", field, format!("Required value: {why}"))
    }

    pub(crate) fn forbidden(field: &str, why: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }
}

impl Status {
    pub(crate) fn new(code: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.into(), message.into());
        Self(Box::new(Parts { code, reason, message, details: None, token: None, retry_after_seconds: None }))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.resource())).about(kind, name)
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.resource())).about(kind, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::new(409, "Conflict", message).about(kind, name)
    }

    pub(crate) fn stale(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with_details(json!({}))
    }

    /// A resource that nobody serves.
    pub(crate) fn no_resource(resource: &str) -> Self {
        Self::new(404, "NotFound", format!("the server has no resource \"{resource}\""))
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with_details(json!({}))
    }

    /// `why` as Kubernetes words it: `User "x" cannot list resource "pods" in API group "" at the cluster scope`.
    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let quoted = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!("{}{quoted} is forbidden: {why}", kind.resource());
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(crate) fn too_old(version: u64, oldest: u64) -> Self {
        Self::expired(format!("too old resource version: {version} ({oldest})"))
    }

    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self::new(504, "Timeout", message).with_details(json!({"causes": [cause], "retryAfterSeconds": 1}))
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(&kind.group, &kind.kind, name, causes)
    }

    /// As [`Status::invalid`], for what is no kind of the store: the options of a request.
    pub(crate) fn invalid_kind(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let listed: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let wrong = match listed.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let mut details = identity(name, group, kind);
        details.insert("causes".to_owned(), causes.iter().map(Cause::to_value).collect());
        Self::new(422, "Invalid", format!("{qualified} \"{name}\" is invalid: {wrong}"))
            .with_details(Value::Object(details))
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    pub(crate) fn with_token(mut self, token: String) -> Self {
        self.0.token = Some(token);
        self
    }

    pub(crate) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    fn about(self, kind: &Kind, name: &str) -> Self {
        self.with_details(Value::Object(identity(name, &kind.group, &kind.plural)))
    }

    /// HTTP status.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// Word for programs, for example `NotFound`.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Text for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }

    /// The object, as it is answered.
    pub fn to_value(&self) -> Value {
        let Parts { code, reason, message, details, token, retry_after_seconds: _ } = &*self.0;
        let mut metadata = Map::new();
        if let Some(token) = token {
            metadata.insert("continue".to_owned(), token.as_str().into());
        }
        let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure"});
        status["message"] = message.as_str().into();
        if !reason.is_empty() {
            status["reason"] = reason.as_str().into();
        }
        if let Some(details) = details {
            status["details"] = details.clone();
        }
        status["code"] = (*code).into();
        status
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

/// The answer to a deletion that is done.
pub(crate) fn deleted(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut details = identity(name, &kind.group, &kind.plural);
    details.insert("uid".to_owned(), uid.into());
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Name, group and kind; what is empty is left out.
fn identity(name: &str, group: &str, kind: &str) -> Map<String, Value> {
    let parts = [("name", name), ("group", group), ("kind", kind)];
    let given = parts.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(key, value)| (key.to_owned(), value.into())).collect()
}
