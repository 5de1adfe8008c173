//! What follows the question mark.
//!
//! Owns reading parameters and the rules about which may be used together.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::patch::Force;
use crate::settings::Offer;
use crate::status::{Cause, Status};
use crate::write::{Run, Validation};

/// The parameters of a request, decoded, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// What a list or a watch asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    pub(crate) labels: String,
    pub(crate) fields: String,
    pub(crate) limit: Option<usize>,
    pub(crate) token: Option<String>,
    /// `None`: not given, or empty.
    pub(crate) version: Option<u64>,
    pub(crate) version_match: Option<VersionMatch>,
    pub(crate) is_watch: bool,
    pub(crate) wants_bookmarks: bool,
    pub(crate) wants_initial_events: Option<bool>,
    pub(crate) timeout: Option<Duration>,
}

/// How the version of a list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionMatch {
    Exact,
    NotOlderThan,
}

/// What a write asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteOptions {
    pub(crate) manager: Option<String>,
    pub(crate) run: Run,
    pub(crate) validation: Validation,
    pub(crate) force: Option<bool>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decode(key), decode(value)))
                .collect(),
        )
    }

    /// The first value of a parameter, "" where it is missing.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Status> {
        match self.get(key) {
            "" => Ok(self.0.iter().any(|(name, _)| name == key).then_some(true).filter(|_| key == "watch")),
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Some(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Some(false)),
            other => Err(Status::bad_request(format!(
                "converting (url.Values) to (v1.ListOptions): strconv.ParseBool: parsing \"{other}\": invalid syntax"
            ))),
        }
    }

    fn number(&self, key: &str) -> Result<Option<i64>, Status> {
        let text = self.get(key);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))
    }

    pub(crate) fn list_options(&self, streaming_lists: Offer) -> Result<ListOptions, Status> {
        let options = ListOptions {
            labels: self.get("labelSelector").to_owned(),
            fields: self.get("fieldSelector").to_owned(),
            limit: self.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).filter(|&limit| limit > 0),
            token: Some(self.get("continue").to_owned()).filter(|token| !token.is_empty()),
            version: match self.version() {
                Ok(version) => version,
                Err(why) if self.flag("watch")? == Some(true) => return Err(Self::fault(&why)),
                Err(why) => return Err(Status::bad_request(format!("invalid resource version: {why}"))),
            },
            version_match: match self.get("resourceVersionMatch") {
                "Exact" => Some(VersionMatch::Exact),
                "NotOlderThan" => Some(VersionMatch::NotOlderThan),
                _ => None,
            },
            is_watch: self.flag("watch")?.unwrap_or(false),
            wants_bookmarks: self.flag("allowWatchBookmarks")?.unwrap_or(false),
            wants_initial_events: self.flag("sendInitialEvents")?,
            timeout: self
                .number("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|&seconds| seconds > 0)
                .map(Duration::from_secs),
        };
        let causes =
            if options.is_watch { self.watch_faults(&options, streaming_lists) } else { self.list_faults(&options) };
        if causes.is_empty() {
            Ok(options)
        } else {
            Err(Status::invalid_kind("meta.k8s.io", "ListOptions", "", &causes))
        }
    }

    /// The version of a GET.
    pub(crate) fn version_of_one(&self) -> Result<Option<u64>, Status> {
        self.version().map_err(|why| Self::fault(&why))
    }

    fn version(&self) -> Result<Option<u64>, String> {
        let text = self.get("resourceVersion");
        if text.is_empty() {
            return Ok(None);
        }
        let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
        text.parse().map(Some).map_err(|_| format!("resourceVersion: Invalid value: \"{text}\": {why}"))
    }

    /// Only lists know a bad version for one of the client; all else takes it for a fault of the server.
    fn fault(why: &str) -> Status {
        Status::new(500, "", why)
    }

    fn watch_faults(&self, options: &ListOptions, streaming_lists: Offer) -> Vec<Cause> {
        let mut causes = Vec::new();
        let stated = self.get("resourceVersionMatch");
        if options.wants_initial_events.is_some() {
            if options.version_match != Some(VersionMatch::NotOlderThan) {
                let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                causes.push(Cause::forbidden("resourceVersionMatch", why));
            }
            if streaming_lists == Offer::Missing {
                let why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
                causes.push(Cause::forbidden("sendInitialEvents", why));
            }
        }
        if stated.is_empty() {
            return causes;
        }
        if options.wants_initial_events.is_none() {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(Cause::forbidden("resourceVersionMatch", why));
        }
        if options.version_match != Some(VersionMatch::NotOlderThan) {
            causes.push(unsupported_match(stated, "\"NotOlderThan\""));
        }
        if options.token.is_some() {
            let why = "resourceVersionMatch is forbidden when continue is provided";
            causes.push(Cause::forbidden("resourceVersionMatch", why));
        }
        causes
    }

    fn list_faults(&self, options: &ListOptions) -> Vec<Cause> {
        let mut causes = Vec::new();
        let stated = self.get("resourceVersionMatch");
        if options.wants_initial_events.is_some() {
            causes.push(Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        if stated.is_empty() {
            return causes;
        }
        if options.version.is_none() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            causes.push(Cause::forbidden("resourceVersionMatch", why));
        }
        if options.token.is_some() {
            let why = "resourceVersionMatch is forbidden when continue is provided";
            causes.push(Cause::forbidden("resourceVersionMatch", why));
        }
        if options.version_match.is_none() {
            causes.push(unsupported_match(stated, "\"Exact\", \"NotOlderThan\", \"\""));
        }
        if options.version_match == Some(VersionMatch::Exact) && options.version == Some(0) {
            let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            causes.push(Cause::forbidden("resourceVersionMatch", why));
        }
        causes
    }

    /// The options of a write; `options` names their kind in refusals.
    pub(crate) fn write_options(&self, options: &str) -> Result<WriteOptions, Status> {
        let refuse = |cause: Cause| Err(Status::invalid_kind("meta.k8s.io", options, "", &[cause]));
        let run = match self.get("dryRun") {
            "" => Run::Real,
            "All" => Run::Dry,
            other => {
                let message = format!("Unsupported value: [\"{other}\"]: supported values: \"All\"");
                return refuse(Cause::new("FieldValueNotSupported", "dryRun", message));
            }
        };
        let validation = match self.get("fieldValidation") {
            "Ignore" => Validation::Ignore,
            "" | "Warn" => Validation::Warn,
            "Strict" => Validation::Strict,
            other => {
                let message =
                    format!("Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
                return refuse(Cause::new("FieldValueNotSupported", "fieldValidation", message));
            }
        };
        let manager = Some(self.get("fieldManager").to_owned()).filter(|manager| !manager.is_empty());
        if let Some(manager) = manager.as_ref().filter(|manager| manager.len() > 128) {
            let why = "may not be more than 128 bytes";
            return refuse(Cause::new(
                "FieldValueTooLong",
                "fieldManager",
                format!("Too long: {why}: {}", manager.len()),
            ));
        }
        Ok(WriteOptions { manager, run, validation, force: self.flag("force")? })
    }

    /// The DeleteOptions that parameters state.
    pub(crate) fn delete_options(&self) -> Result<Value, Status> {
        let mut options = Map::new();
        if let Some(seconds) = self.number("gracePeriodSeconds")? {
            options.insert("gracePeriodSeconds".to_owned(), seconds.into());
        }
        if !self.get("propagationPolicy").is_empty() {
            options.insert("propagationPolicy".to_owned(), self.get("propagationPolicy").into());
        }
        if let Some(orphans) = self.flag("orphanDependents")? {
            options.insert("orphanDependents".to_owned(), orphans.into());
        }
        if !self.get("dryRun").is_empty() {
            options.insert("dryRun".to_owned(), json!([self.get("dryRun")]));
        }
        Ok(Value::Object(options))
    }
}

impl WriteOptions {
    pub(crate) fn force(&self) -> Force {
        if self.force == Some(true) { Force::Yes } else { Force::No }
    }
}

fn unsupported_match(stated: &str, supported: &str) -> Cause {
    let message = format!("Unsupported value: \"{stated}\": supported values: {supported}");
    Cause::new("FieldValueNotSupported", "resourceVersionMatch", message)
}

/// Undoes percent encoding and `+`.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = || u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok();
        match (byte, hex()) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
