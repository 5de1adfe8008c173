//! From the bytes of a line or a page to what they say; pure.
//!
//! Owns the forms of both. An object is decoded once, from where it lies, straight into the part that is judged.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::cluster::{Refusal, Status};
use crate::resource::{Meta, Observed};

/// Annotation of the bookmark that ends initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What a line of a watch says.
#[derive(Debug, PartialEq)]
pub(super) enum Line<K> {
    Seen(K),
    Deleted(K),
    Bookmark {
        version: String,
        ends_initial_events: bool,
    },
    /// The server ends the watch.
    Error(Refusal),
    /// An object in a shape that is not understood.
    Unreadable {
        who: Who,
        is_gone: bool,
        why: String,
    },
    /// A type that nobody knows, or no event at all.
    Unknown(String),
}

/// As much as can be said of an object that is not understood.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Who {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: String,
}

/// One page of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Page<K> {
    pub(super) version: String,
    /// "" on the last page.
    pub(super) next: String,
    pub(super) items: Vec<Result<K, (Who, String)>>,
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "I: Deserialize<'de>"))]
struct RawPage<I> {
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Vec<I>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bookmarked {
    metadata: BookmarkMeta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BookmarkMeta {
    resource_version: String,
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Anybody {
    metadata: Who,
}

/// What a line says.
pub(super) fn line<K: Observed>(line: &[u8]) -> Line<K> {
    // API servers write the type first and without spaces. Whoever does not is understood by the slower way below.
    const FORMS: [&[u8]; 3] =
        [br#"{"type":"ADDED","object":"#, br#"{"type":"MODIFIED","object":"#, br#"{"type":"DELETED","object":"#];
    for (form, is_gone) in FORMS.into_iter().zip([false, false, true]) {
        if let Some(rest) = line.strip_prefix(form)
            && let Some(raw) = rest.strip_suffix(b"}").or_else(|| rest.strip_suffix(b"}\r"))
            && let Ok(object) = object::<K>(raw)
        {
            return if is_gone { Line::Deleted(object) } else { Line::Seen(object) };
        }
    }
    slowly(line)
}

fn slowly<K: Observed>(line: &[u8]) -> Line<K> {
    let RawEvent { kind, object: raw } = match serde_json::from_slice(line) {
        Ok(event) => event,
        Err(error) => return Line::Unknown(format!("a line is no event: {error}")),
    };
    match (kind.as_ref(), object::<K>(raw.get().as_bytes())) {
        ("ADDED" | "MODIFIED", Ok(object)) => Line::Seen(object),
        ("DELETED", Ok(object)) => Line::Deleted(object),
        ("ADDED" | "MODIFIED" | "DELETED", Err(why)) => {
            Line::Unreadable { who: who(raw.get()), is_gone: kind == "DELETED", why }
        }
        ("BOOKMARK", _) => bookmark(raw.get()),
        ("ERROR", _) => {
            let status: Status = serde_json::from_str(raw.get()).unwrap_or_default();
            let code = status.code;
            Line::Error(Refusal::of(status, code, None))
        }
        (unknown, _) => Line::Unknown(format!("the type of an event is `{}`", unknown.escape_default())),
    }
}

fn bookmark<K>(raw: &str) -> Line<K> {
    let Bookmarked { metadata } = serde_json::from_str(raw).unwrap_or_default();
    let ends_initial_events = metadata.annotations.get(INITIAL_EVENTS_END).is_some_and(|value| value == "true");
    Line::Bookmark { version: metadata.resource_version, ends_initial_events }
}

/// The objects of a page, one by one if they are not all understood.
pub(super) fn page<K: Observed>(body: &[u8]) -> Result<Page<K>, serde_json::Error> {
    match parsed::<RawPage<K>>(body) {
        Ok(page) if page.items.iter().flatten().all(|item| is_somebody(&item.meta())) => {
            let items = page.items.unwrap_or_default().into_iter().map(Ok).collect();
            Ok(Page { version: page.metadata.resource_version, next: page.metadata.next, items })
        }
        _ => one_by_one(body),
    }
}

fn one_by_one<K: Observed>(body: &[u8]) -> Result<Page<K>, serde_json::Error> {
    let RawPage { metadata, items } = serde_json::from_slice::<RawPage<&RawValue>>(body)?;
    let item = |raw: &RawValue| object(raw.get().as_bytes()).map_err(|why| (who(raw.get()), why));
    let items = items.unwrap_or_default().into_iter().map(item).collect();
    Ok(Page { version: metadata.resource_version, next: metadata.next, items })
}

fn object<K: Observed>(raw: &[u8]) -> Result<K, String> {
    let object: K = parsed(raw).map_err(|error| error.to_string())?;
    if is_somebody(&object.meta()) { Ok(object) } else { Err("it has no name or no uid".to_owned()) }
}

/// Whether a text is UTF-8 is found out once for all of it, and not again for each that is kept. What nobody keeps may be anything.
fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    }
}

const fn is_somebody(meta: &Meta<'_>) -> bool {
    !meta.name.is_empty() && !meta.uid.is_empty()
}

fn who(raw: &str) -> Who {
    serde_json::from_str::<Anybody>(raw).unwrap_or_default().metadata
}

#[cfg(test)]
mod tests;
