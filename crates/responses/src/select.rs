//! Which findings each response acts on, and the first reason why it does not act on the others. Pure.
//!
//! ```text
//! enabled ─► not silenced ─► severity ─► resolved ─► not protected ─► rule asks ─► confirmed ─► not stale
//!                                                                  └── wasm_plugin, namespace_label ──┘
//! ```

mod confirm;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use api::finding::{Source, State};
use api::{Action, Fingerprint, Severity, Time};
use findings::Record;
use findings::book::Book;
use findings::record::Life;
use serde::Deserialize;

use self::confirm::Looks;
use crate::protected::Protected;
use crate::response::{AppKey, Reason, Response, Skip};
use crate::settings::Settings;

/// A finding that a response acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) fingerprint: Fingerprint,
    /// Which of its episodes this is.
    pub(crate) episode: u64,
    pub(crate) namespace: String,
    pub(crate) app: AppKey,
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    pub(crate) first_seen: Time,
    /// Name of the process.
    pub(crate) process: String,
    /// Name of its pod; "" if it is not known.
    pub(crate) pod: String,
    /// Uid of its pod; "" if it is not known.
    pub(crate) pod_uid: String,
}

/// What is to be judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) protected: &'a Protected,
    pub(crate) now: Time,
    /// What is in force: namespaces, and apps in them.
    pub(crate) in_force: &'a InForce,
}

/// What responses are in force on. What is needs no second confirmation, and a node that does not answer does not end it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct InForce {
    pub(crate) apps: BTreeSet<(String, AppKey)>,
    pub(crate) namespaces: BTreeSet<String>,
}

/// What a look at all findings says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    /// Findings that each response acts on, by fingerprint.
    pub(crate) picked: BTreeMap<Response, BTreeMap<Fingerprint, Arc<Pick>>>,
    /// The others that are open, by why.
    pub(crate) skipped: Vec<Skip>,
    /// Apps with an open finding that nobody has silenced, whether or not anything is done about it.
    pub(crate) violating: BTreeSet<(String, AppKey)>,
}

/// Where a finding is that something was done about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is open, and the response still means it, or only lacks sight of it.
    Open,
    /// It is over since then.
    Resolved(Time),
    /// Somebody has decided that nothing is to be done: a silence, an exemption, a setting, another action of its rule.
    Lifted,
    /// Nothing is known of it any more.
    Forgotten,
}

impl Selection {
    /// Looks at all findings of processes; only at these, if some are named.
    pub(crate) fn of(book: &Book, judge: Judge<'_>, only: Option<&BTreeSet<Fingerprint>>) -> Self {
        let seen = Seen { book, looks: Looks::of(book, judge.now) };
        let mut picked: BTreeMap<Response, BTreeMap<Fingerprint, Arc<Pick>>> = BTreeMap::new();
        let mut skipped: HashMap<(Response, String, String, Reason), Vec<Fingerprint>> = HashMap::new();
        let mut violating = BTreeSet::new();
        for record in book.records().filter(|record| record.source == Source::Process) {
            if matches!(record.life, Life::Resolved { .. }) {
                continue;
            }
            let about = About::of(record);
            if let (State::Open, Some((namespace, app))) = (record.state(), about.app()) {
                violating.insert((namespace.to_owned(), app.clone()));
            }
            let fingerprint = &record.told.fingerprint;
            if only.is_some_and(|only| !only.contains(fingerprint)) {
                continue;
            }
            let mut pick: Option<Arc<Pick>> = None;
            for response in Response::ALL {
                if let Some(reason) = judge.refuses(response, record, &about, &seen) {
                    let key = (response, about.namespace.clone(), about.app_name().to_owned(), reason);
                    skipped.entry(key).or_default().push(fingerprint.clone());
                } else {
                    let pick = pick.get_or_insert_with(|| Arc::new(about.pick(record)));
                    picked.entry(response).or_default().insert(fingerprint.clone(), Arc::clone(pick));
                }
            }
        }
        let skip = |((response, namespace, app, reason), mut findings): ((_, _, _, _), Vec<Fingerprint>)| {
            findings.sort_unstable();
            Skip { response, namespace, app, reason, findings }
        };
        let mut skipped: Vec<Skip> = skipped.into_iter().map(skip).collect();
        skipped.sort_unstable();
        Self { picked, skipped, violating }
    }

    /// Findings that a response acts on, by fingerprint.
    pub(crate) fn of_response(&self, response: Response) -> impl Iterator<Item = &Arc<Pick>> {
        self.picked.get(&response).into_iter().flat_map(BTreeMap::values)
    }
}

impl Judge<'_> {
    /// Where a finding is that `response` was a consequence of.
    pub(crate) fn cause(&self, response: Response, fingerprint: &Fingerprint, book: &Book) -> Cause {
        let Some(record) = book.get(fingerprint) else { return Cause::Forgotten };
        match &record.life {
            Life::Resolved { reason, .. } if &**reason == "exempt" => Cause::Lifted,
            Life::Resolved { at, .. } => Cause::Resolved(*at),
            Life::Open { .. } => {
                let about = About::of(record);
                let reason = self.always(response, record, &about).or_else(|| asked(response, record));
                match reason {
                    // Whose it is may be lost from sight for a while. What was done stays.
                    None | Some(Reason::Unresolved | Reason::Host) => Cause::Open,
                    Some(_) => Cause::Lifted,
                }
            }
        }
    }

    fn refuses(&self, response: Response, record: &Record, about: &About, seen: &Seen<'_>) -> Option<Reason> {
        self.always(response, record, about)
            .or_else(|| asked(response, record))
            .or_else(|| self.confirmed(response, record, about, seen))
    }

    /// What every response asks.
    fn always(&self, response: Response, record: &Record, about: &About) -> Option<Reason> {
        let Settings { wasm_plugin, notification, namespace_label, .. } = self.settings;
        let (enabled, least) = match response {
            Response::WasmPlugin => (wasm_plugin.enabled, wasm_plugin.min_severity.severity()),
            Response::Notification => (notification.enabled, notification.min_severity),
            Response::NamespaceLabel => (namespace_label.enabled, namespace_label.min_severity.severity()),
        };
        let checks = [
            (!enabled, Reason::Disabled),
            (record.state() == State::Silenced, Reason::Silenced),
            (record.told.severity < least, Reason::BelowSeverity),
        ];
        let failed = checks.into_iter().find(|(fails, _)| *fails).map(|(_, reason)| reason);
        failed.or_else(|| about.unknown()).or_else(|| {
            let is_protected = self.protected.holds(&about.namespace);
            is_protected.then_some(Reason::ProtectedNamespace)
        })
    }

    /// What those ask besides before they act for the first time.
    fn confirmed(&self, response: Response, record: &Record, about: &About, seen: &Seen<'_>) -> Option<Reason> {
        let Some((namespace, app)) = about.app() else { return Some(Reason::Unresolved) };
        let is_in_force = match response {
            Response::Notification => true,
            Response::WasmPlugin => self.in_force.apps.contains(&(namespace.to_owned(), app.clone())),
            Response::NamespaceLabel => self.in_force.namespaces.contains(namespace),
        };
        if is_in_force {
            return None;
        }
        if seen.looks.rounds(&record.told.rule, namespace, app) < self.settings.confirmations as usize {
            return Some(Reason::Unconfirmed);
        }
        seen.book.stale(record).map(|_| Reason::Stale)
    }
}

/// What those ask that can hurt a tenant: the rule must want it.
fn asked(response: Response, record: &Record) -> Option<Reason> {
    let asks = response == Response::Notification || record.told.action == Some(Action::Respond);
    (!asks).then_some(Reason::RuleDoesNotAsk)
}

/// What was found, and how often it was looked at lately.
#[derive(Debug)]
struct Seen<'a> {
    book: &'a Book,
    looks: Looks<'a>,
}

/// Whose process a finding is about.
#[derive(Debug)]
struct About {
    attribution: Attribution,
    /// "" if there is none.
    namespace: String,
    app: Option<AppKey>,
}

/// What is read of the facts of a finding; the rest is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Word<'a> {
    #[serde(borrow)]
    attribution: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribution {
    Resolved,
    Host,
    Unresolved,
}

impl About {
    fn of(record: &Record) -> Self {
        let word: Word<'_> = serde_json::from_str(record.told.facts.as_str()).unwrap_or_default();
        let namespace = record.told.subject.namespace.as_deref().unwrap_or_default().to_owned();
        let app = record.told.belongs.app.as_ref().map(AppKey::of);
        let attribution = match word.attribution.as_deref() {
            Some("host") => Attribution::Host,
            Some("resolved") if !namespace.is_empty() && app.is_some() => Attribution::Resolved,
            _ => Attribution::Unresolved,
        };
        Self { attribution, namespace, app }
    }

    fn unknown(&self) -> Option<Reason> {
        match self.attribution {
            Attribution::Resolved => None,
            Attribution::Host => Some(Reason::Host),
            Attribution::Unresolved => Some(Reason::Unresolved),
        }
    }

    fn app(&self) -> Option<(&str, &AppKey)> {
        let app = self.app.as_ref().filter(|_| !self.namespace.is_empty())?;
        Some((&self.namespace, app))
    }

    fn app_name(&self) -> &str {
        self.app.as_ref().map_or("", |app| &app.name)
    }

    fn pick(&self, record: &Record) -> Pick {
        let subject = &record.told.subject;
        Pick {
            fingerprint: record.told.fingerprint.clone(),
            episode: record.episode,
            namespace: self.namespace.clone(),
            app: self.app.clone().unwrap_or_else(|| AppKey { kind: "app".to_owned(), name: String::new() }),
            rule: record.told.rule.to_string(),
            severity: record.told.severity,
            first_seen: record.first_seen,
            process: subject.name.to_string(),
            pod: subject.pod.as_deref().unwrap_or_default().to_owned(),
            pod_uid: subject.pod_uid.as_deref().unwrap_or_default().to_owned(),
        }
    }
}
