//! The `pods` section of the settings, of both roles.
//!
//! Owns keys, defaults, ranges and contradictions, and what each of them means to the index. Loading and reloading is
//! `runtime`'s job.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::AppRule;
use crate::index::Keep;
use crate::index::record::Caps;
use crate::pattern::Patterns;

/// Which pods are known and what is kept of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which annotations are kept: patterns of keys with `*`; a leading `!` takes away; the last match wins. `[]` keeps none, `["*"]`
    /// all. A change applies when the pods have been listed again, in the background, at most once a minute.
    #[schemars(length(max = 100))]
    pub annotations: Vec<String>,
    /// A longer value of an annotation is cut. A change applies as one of `annotations` does.
    #[schemars(range(min = 64, max = 65536))]
    pub annotation_value_bytes: usize,
    /// Keys and values of the annotations of one pod: in the order of their keys they are kept until this is reached. A change
    /// applies as one of `annotations` does.
    #[schemars(range(min = 0, max = 262_144))]
    pub annotation_bytes_per_pod: usize,
    /// Which labels are kept, in the same language. Owners, apps and selectors need them. A change applies as one of `annotations`
    /// does.
    #[schemars(length(max = 100))]
    pub labels: Vec<String>,
    /// The first of these labels that is not empty names the devbox.
    #[schemars(length(max = 16))]
    pub devbox_labels: Vec<String>,
    /// The value of `app.kubernetes.io/part-of` by which `app.kubernetes.io/name` names a devbox; empty = none does.
    pub devbox_part_of: String,
    /// The first of these labels that is not empty names the app.
    #[schemars(length(max = 16))]
    pub app_labels: Vec<String>,
    /// How long a deleted pod can still be asked for.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "24h"))]
    pub tombstones: Duration,
    /// How many deleted pods can be asked for; the oldest goes first.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_tombstones: usize,
    /// How complete lists are taken. `auto` asks for a streaming list and falls back to pages.
    #[schemars(extend("x-applies" = "start"))]
    pub list: List,
    /// Pods in a page.
    #[schemars(range(min = 50, max = 5000), extend("x-applies" = "start"))]
    pub page_size: u32,
    /// Knowledge that is older is marked stale. Without changes the API server says about every minute that there is none.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "10s", "x-max" = "1h"))]
    pub stale_after: Duration,
    /// Whether stale knowledge makes the process unready. A lost API server hits every replica at once: serving old answers beats
    /// serving none.
    pub unready_when_stale: bool,
    /// Keys in one request of `POST /api/v1/pods/lookup`.
    #[schemars(range(min = 1, max = 10_000))]
    pub lookup_max: usize,
    /// Event streams at a time.
    #[schemars(range(min = 1, max = 10_000))]
    pub watch_subscribers: usize,
    /// Changes that an event stream can resume from.
    #[schemars(range(min = 0, max = 1_048_576), extend("x-applies" = "start"))]
    pub watch_history: usize,
    /// A user of `GET /api/v1/pod` alone, for clients of the former service.
    pub basic_auth: BasicAuth,
}

/// How complete lists are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// As the first events of a watch; page by page if the server does not know how.
    Auto,
    /// As the first events of a watch.
    Streaming,
    /// Page by page.
    Paged,
}

/// A user with a password. Both are given or neither.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BasicAuth {
    /// The user; empty = there is none. A colon cannot be part of it.
    pub username: String,
    /// The password. Give it as `password_file`, a file whose content, one trailing newline off, is the password.
    #[schemars(extend("x-secret" = true))]
    pub password: String,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            annotations: texts(&[
                "*",
                "!*last-applied-configuration",
                "!*/network-status",
                "!*/networks-status",
                "!cni.projectcalico.org/*",
                "!sidecar.istio.io/status",
            ]),
            annotation_value_bytes: 1024,
            annotation_bytes_per_pod: 4096,
            labels: texts(&["*"]),
            devbox_labels: texts(&["devbox.sealos.io/name"]),
            devbox_part_of: "devbox".to_owned(),
            app_labels: texts(&["app.kubernetes.io/name", "app"]),
            tombstones: Duration::from_mins(10),
            max_tombstones: 20_000,
            list: List::Auto,
            page_size: 500,
            stale_after: Duration::from_mins(3),
            unready_when_stale: false,
            lookup_max: 1000,
            watch_subscribers: 256,
            watch_history: 65_536,
            basic_auth: BasicAuth::default(),
        }
    }
}

impl Settings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, message: &str| faults.push((path.to_owned(), message.to_owned()));
        let BasicAuth { username, password } = &self.basic_auth;
        match (username.is_empty(), password.is_empty()) {
            (false, true) => fault(
                "basic_auth.password",
                "is missing beside basic_auth.username (accepted: both or neither; BASIC_AUTH_PASSWORD counts)",
            ),
            (true, false) => fault(
                "basic_auth.username",
                "is missing beside basic_auth.password (accepted: both or neither; BASIC_AUTH_USERNAME counts)",
            ),
            (true, true) | (false, false) => {}
        }
        if username.contains(':') {
            fault("basic_auth.username", "has a colon, which ends the name of a user (accepted: any other text)");
        }
        let patterns = [("annotations", &self.annotations), ("labels", &self.labels)];
        for (path, patterns) in patterns {
            if patterns.iter().any(|pattern| matches!(pattern.as_str(), "" | "!")) {
                fault(path, "has an empty pattern, which matches nothing (accepted: such as *, app or !*/status)");
            }
        }
        let kept = Patterns::new(&self.labels);
        let of_devboxes = AppRule::PART_OF.map(str::to_owned).to_vec();
        let of_devboxes = if self.devbox_part_of.is_empty() { Vec::new() } else { of_devboxes };
        let named = [
            ("devbox_labels", &self.devbox_labels),
            ("app_labels", &self.app_labels),
            ("devbox_part_of", &of_devboxes),
        ];
        for (path, labels) in named {
            if let Some(label) = labels.iter().find(|label| !kept.keep(label)) {
                fault(path, &format!("names `{label}`, which labels does not keep (accepted: labels that are kept)"));
            }
        }
        faults
    }

    pub(crate) fn caps(&self) -> Caps {
        Caps {
            labels: Patterns::new(&self.labels),
            annotations: Patterns::new(&self.annotations),
            value_bytes: self.annotation_value_bytes,
            annotations_bytes: self.annotation_bytes_per_pod,
        }
    }

    pub(crate) fn app_rule(&self) -> AppRule {
        AppRule {
            devbox_labels: self.devbox_labels.clone(),
            devbox_part_of: self.devbox_part_of.clone(),
            app_labels: self.app_labels.clone(),
        }
    }

    pub(crate) const fn keep(&self) -> Keep {
        Keep { age: self.tombstones, number: self.max_tombstones }
    }
}

impl fmt::Debug for BasicAuth {
    /// Never shows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(settings: &Settings, paths: &[&str]) {
        let found: Vec<String> = settings.check().into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, paths);
    }

    #[test]
    fn the_defaults_contradict_nothing() {
        refused(&Settings::default(), &[]);
    }

    #[test]
    fn a_user_and_a_password_are_given_both_or_neither() {
        let with = |username: &str, password: &str| Settings {
            basic_auth: BasicAuth { username: username.to_owned(), password: password.to_owned() },
            ..Settings::default()
        };
        refused(&with("reader", "s3cret"), &[]);
        refused(&with("reader", ""), &["basic_auth.password"]);
        refused(&with("", "s3cret"), &["basic_auth.username"]);
        refused(&with("a:b", "s3cret"), &["basic_auth.username"]);
        assert!(!format!("{:?}", with("reader", "s3cret")).contains("s3cret"));
    }

    #[test]
    fn a_label_that_names_apps_must_be_kept() {
        refused(
            &Settings { labels: vec!["pod-*".to_owned()], ..Settings::default() },
            &["devbox_labels", "app_labels", "devbox_part_of"],
        );
        let without_part_of = vec!["*".to_owned(), "!app.kubernetes.io/part-of".to_owned()];
        refused(&Settings { labels: without_part_of.clone(), ..Settings::default() }, &["devbox_part_of"]);
        refused(&Settings { labels: without_part_of, devbox_part_of: String::new(), ..Settings::default() }, &[]);
        refused(&Settings { labels: vec!["!".to_owned(), "*".to_owned()], ..Settings::default() }, &["labels"]);
    }
}
