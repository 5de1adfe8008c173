//! Lists: which objects, of which version, and where the next page begins.
//!
//! Owns the rules of resourceVersion, limit and continue. Sending the objects is `http`'s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::base64;
use crate::kind::Kind;
use crate::query::{ListOptions, VersionMatch};
use crate::selector::Selection;
use crate::state::State;
use crate::status::Status;
use crate::store::{Entry, Key, TooOld};
use crate::write::quote_character;

/// A list to answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) version: u64,
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Where the next page begins, as clients send it back.
    pub(crate) token: Option<String>,
    /// How many objects follow; not known with selectors.
    pub(crate) remaining: Option<usize>,
}

/// A list that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListAsk<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) selection: &'a Selection,
    pub(crate) options: &'a ListOptions,
    pub(crate) now: Timestamp,
    /// How long a continue token lives.
    pub(crate) life: Duration,
}

/// When tokens were given out, by the version of their snapshot.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: BTreeMap<u64, Timestamp>,
    /// Tokens of versions up to this one are no longer remembered, thus expired.
    forgotten: u64,
}

/// Snapshots that can be paged through at once. A page takes milliseconds: far more than clients have open.
const REMEMBERED: usize = 10_000;

/// A continue token that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    /// `None`: go on in the present.
    version: Option<u64>,
    start: Key,
}

impl Tokens {
    fn issue(&mut self, version: u64, now: Timestamp) {
        self.issued.insert(version, now);
        while self.issued.len() > REMEMBERED {
            if let Some((version, _)) = self.issued.pop_first() {
                self.forgotten = version;
            }
        }
    }

    fn is_expired(&self, version: u64, now: Timestamp, life: Duration) -> bool {
        let life = SignedDuration::try_from(life).unwrap_or(SignedDuration::MAX);
        version <= self.forgotten || self.issued.get(&version).is_some_and(|&issued| now.duration_since(issued) > life)
    }
}

impl State {
    /// The list that is asked for.
    pub(crate) fn list(&mut self, ask: &ListAsk<'_>) -> Result<Page, Status> {
        let ListAsk { selection, options, now, .. } = *ask;
        if let Some(token) = &options.token {
            let token = Token::decode(token, selection.namespace.as_deref())?;
            if options.version.is_some_and(|version| version > 0) {
                let message = "specifying resource version is not allowed when using continue";
                return Err(Status::bad_request(message));
            }
            return self.next_page(ask, &token);
        }
        let asked = options.version.unwrap_or(0);
        if asked > self.store.version() {
            return Err(Status::too_large_version(asked, self.store.version()));
        }
        let is_exact = match options.version_match {
            Some(VersionMatch::Exact) => true,
            Some(VersionMatch::NotOlderThan) => false,
            // The former meaning of a version with a limit.
            None => asked > 0 && options.limit.is_some(),
        };
        let version = if is_exact { asked } else { self.store.version() };
        let limit = options.limit.filter(|_| options.version != Some(0));
        let expired = |TooOld { .. }| Status::expired("The resourceVersion for the provided list is too old.");
        let page = self.cut(ask, version, None, limit).map_err(expired)?;
        Ok(self.issued(page, now))
    }

    fn next_page(&mut self, ask: &ListAsk<'_>, token: &Token) -> Result<Page, Status> {
        let ListAsk { selection, options, now, life, .. } = *ask;
        let version = token.version.unwrap_or_else(|| self.store.version());
        let is_expired = token.version.is_some_and(|version| self.tokens.is_expired(version, now, life));
        let cut = if is_expired {
            Err(TooOld { oldest: 0 })
        } else {
            self.cut(ask, version, Some(&token.start), options.limit)
        };
        let page = cut.map_err(|_| expired_token(token, selection.namespace.as_deref()))?;
        Ok(self.issued(page, now))
    }

    fn issued(&mut self, page: Page, now: Timestamp) -> Page {
        if page.token.is_some() {
            self.tokens.issue(page.version, now);
        }
        page
    }

    /// One page of the state at `version`, from `start` on.
    fn cut(
        &mut self,
        ask: &ListAsk<'_>,
        version: u64,
        start: Option<&Key>,
        limit: Option<usize>,
    ) -> Result<Page, TooOld> {
        let selection = ask.selection;
        let namespace = selection.namespace.as_deref();
        let limit = limit.unwrap_or(usize::MAX);
        let table = ask.kind.table();
        let mut page = Page { version, entries: Vec::new(), token: None, remaining: None };
        if version >= self.store.version() {
            let entries = self.store.range(&table, namespace, start);
            page.fill(entries, selection, limit);
        } else {
            let entries = self.store.snapshot(&table, namespace, version)?;
            let from = start.map_or(0, |start| entries.partition_point(|entry| entry.key < *start));
            page.fill(entries[from..].iter(), selection, limit);
        }
        Ok(page)
    }
}

impl Page {
    /// Gives the first object a shape that no client can decode.
    pub(crate) fn spoil_first(&mut self, kind: &Kind) {
        if let Some(first) = self.entries.first_mut() {
            let mut object = first.decode();
            object["metadata"]["creationTimestamp"] = json!({"not": "a time"});
            object["status"] = "not an object".into();
            *first = Arc::new(Entry::encode(kind, &object, first.version));
        }
    }

    fn fill<'a>(&mut self, entries: impl Iterator<Item = &'a Arc<Entry>>, selection: &Selection, limit: usize) {
        let mut selected = entries.filter(|entry| selection.admits(entry));
        self.entries.extend(selected.by_ref().take(limit).cloned());
        let Some(last) = self.entries.last().filter(|_| self.entries.len() == limit) else { return };
        let namespace = selection.namespace.as_deref();
        let key = Key::new(&last.key.namespace, &format!("{}\0", last.key.name));
        if selection.has_selectors() {
            if selected.next().is_some() {
                self.token = Some(Token { version: Some(self.version), start: key }.encode(namespace));
            }
            return;
        }
        let remaining = selected.count();
        if remaining > 0 {
            self.token = Some(Token { version: Some(self.version), start: key }.encode(namespace));
            self.remaining = Some(remaining);
        }
    }
}

/// The refusal of a continue token that is too old; garbage is refused as such.
pub(crate) fn expired(token: &str, namespace: Option<&str>) -> Status {
    Token::decode(token, namespace).map_or_else(|refusal| refusal, |token| expired_token(&token, namespace))
}

fn expired_token(token: &Token, namespace: Option<&str>) -> Status {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the \
        continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the \
        provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first \
        chunk was returned and now may show up in the list.";
    let fresh = Token { version: None, start: token.start.clone() };
    Status::expired(message).with_token(fresh.encode(namespace))
}

impl Token {
    fn encode(&self, namespace: Option<&str>) -> String {
        let Key { namespace: of, name } = &self.start;
        let start = if namespace.is_some() || of.is_empty() { format!("/{name}") } else { format!("/{of}/{name}") };
        let version = self.version.map_or(Value::from(-1), Value::from);
        let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": start});
        base64::encode_url(token.to_string().as_bytes())
    }

    fn decode(text: &str, namespace: Option<&str>) -> Result<Self, Status> {
        let invalid =
            |why: String| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes =
            base64::decode_url(text).map_err(|at| invalid(format!("illegal base64 data at input byte {at}")))?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| invalid(syntax(&bytes)))?;
        if token["v"] != "meta.k8s.io/v1" {
            let version = token["v"].as_str().unwrap_or_default();
            return Err(invalid(format!("server does not recognize this encoded version \"{version}\"")));
        }
        let start = token["start"].as_str().unwrap_or_default();
        let Some(start) = start.strip_prefix('/').filter(|start| !start.contains("..")) else {
            return Err(invalid("encoded start key empty (version meta.k8s.io/v1)".to_owned()));
        };
        let start = match (namespace, start.split_once('/')) {
            (Some(namespace), _) => Key::new(namespace, start),
            (None, Some((namespace, name))) => Key::new(namespace, name),
            (None, None) => Key::new("", start),
        };
        match token["rv"].as_i64() {
            Some(-1) => Ok(Self { version: None, start }),
            Some(version) if version > 0 => Ok(Self { version: u64::try_from(version).ok(), start }),
            _ => Err(invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)".to_owned())),
        }
    }
}

/// What Go says of bytes that are no JSON.
fn syntax(bytes: &[u8]) -> String {
    match bytes.first() {
        None | Some(b'{') => "unexpected end of JSON input".to_owned(),
        Some(&byte) => format!("invalid character {} looking for beginning of value", quote_character(byte)),
    }
}
