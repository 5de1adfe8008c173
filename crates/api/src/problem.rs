//! The one envelope for everything that goes wrong over HTTP (RFC 9457).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A problem as served with media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The kind of problem, a stable word in kebab-case such as `unknown-query-key`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words, such as `Bad Request`.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What is wrong with this request, and what would be accepted.
    pub detail: String,
    /// `detail` once more, for clients of the former tools.
    pub error: String,
    /// What may help, left out when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every fault of a body, each with its path; left out when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

impl Problem {
    /// A problem of this kind; `title` is the status in words.
    pub fn new(status: u16, title: &str, kind: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status,
            error: detail.clone(),
            detail,
            hint: None,
            faults: Vec::new(),
        }
    }
}
