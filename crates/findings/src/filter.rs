//! Which findings a list, a stream or an export is about.
//!
//! Owns the meaning of the filters, twice: over one finding, and over the columns of all. Their text comes from query strings, and
//! is read by `routes`.

use std::collections::HashMap;

use api::finding::{Source, State};
use api::{Severity, Time};
use memchr::memmem::Finder;

use crate::book::Book;
use crate::columns::{Columns, Row, Word, whole, write_text};
use crate::record::Record;
use crate::silence::{Match, Pattern};

/// The filter of a list, stream or export: of each key one of the values must hold, and of all keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) source: Vec<Source>,
    pub(crate) severity: Vec<Severity>,
    pub(crate) state: Vec<State>,
    pub(crate) stale: Vec<bool>,
    pub(crate) rule: Vec<String>,
    pub(crate) namespace: Vec<String>,
    /// As `Deployment/shop/cart`.
    pub(crate) owner: Vec<String>,
    /// Names of apps or devboxes.
    pub(crate) app: Vec<String>,
    pub(crate) node: Vec<String>,
    pub(crate) image: Vec<String>,
    pub(crate) kind: Vec<String>,
    pub(crate) min_severity: Option<Severity>,
    /// Not seen before.
    pub(crate) since: Option<Time>,
    /// Text in title, rule and names of the subject; lower case.
    pub(crate) q: Option<String>,
}

/// A filter over the columns of a book: numbers instead of texts.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    book: &'a Book,
    columns: &'a Columns,
    /// A bit for each that is wanted.
    sources: u8,
    severities: u8,
    states: u8,
    stale: Option<bool>,
    words: Vec<(Column, Vec<Word>)>,
    since: Option<i64>,
    text: Option<Finder<'a>>,
    fingerprint: Option<&'a Pattern>,
    /// What has been asked of scopes so far.
    scopes: HashMap<(Source, Word), bool>,
}

/// A column of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Rule,
    Namespace,
    Owner,
    App,
    Node,
    Image,
    Kind,
}

impl Filter {
    /// Every value as text, so that two filters that select otherwise have other texts.
    pub(crate) fn texts(&self) -> Vec<String> {
        let Self {
            source,
            severity,
            state,
            stale,
            rule,
            namespace,
            owner,
            app,
            node,
            image,
            kind,
            min_severity,
            since,
            q,
        } = self;
        let mut texts: Vec<String> = Vec::new();
        let mut add = |key: &str, values: Vec<String>| {
            texts.extend([key.to_owned(), values.len().to_string()]);
            texts.extend(values);
        };
        add("source", source.iter().map(ToString::to_string).collect());
        add("severity", severity.iter().map(ToString::to_string).collect());
        add("state", state.iter().map(|state| state.as_str().to_owned()).collect());
        add("stale", stale.iter().map(ToString::to_string).collect());
        let named = [("rule", rule), ("namespace", namespace), ("owner", owner), ("app", app), ("node", node)];
        for (key, values) in named.into_iter().chain([("image", image), ("kind", kind)]) {
            add(key, values.clone());
        }
        add("min_severity", min_severity.iter().map(ToString::to_string).collect());
        add("since", since.iter().map(ToString::to_string).collect());
        add("q", q.iter().cloned().collect());
        texts
    }

    /// The sources that it lets through.
    pub(crate) fn sources(&self) -> Vec<Source> {
        Source::ALL.into_iter().filter(|source| self.source.is_empty() || self.source.contains(source)).collect()
    }

    /// Whether it is about this finding.
    pub(crate) fn matches(&self, record: &Record, is_stale: bool) -> bool {
        let Self {
            source,
            severity,
            state,
            stale,
            rule,
            namespace,
            owner,
            app,
            node,
            image,
            kind,
            min_severity,
            since,
            q,
        } = self;
        let (told, subject, belongs) = (&record.told, &record.told.subject, &record.told.belongs);
        let named = [
            (rule, Some(&*told.rule)),
            (namespace, subject.namespace.as_deref()),
            (app, belongs.app.as_ref().map(|app| app.name.as_str())),
            (node, subject.node.as_deref()),
            (image, belongs.image.as_deref()),
            (kind, Some(&*subject.kind)),
        ];
        let is_stale = is_stale && record.state() != State::Resolved;
        one_of(source, &record.source)
            && one_of(severity, &told.severity)
            && one_of(state, &record.state())
            && one_of(stale, &is_stale)
            && named.iter().all(|(wanted, text)| is_named(wanted, *text))
            && (owner.is_empty() || is_named(owner, belongs.owner.as_ref().map(whole).as_deref()))
            && min_severity.is_none_or(|least| told.severity >= least)
            && since.is_none_or(|since| record.first_seen >= since)
            && q.as_deref().is_none_or(|text| has_text(record, text))
    }

    /// Over the columns of `book`.
    pub(crate) fn over<'a>(&'a self, book: &'a Book) -> Wanted<'a> {
        let columns = book.columns();
        let least = |severity: Severity| self.min_severity.is_none_or(|least| severity >= least);
        let severities =
            Severity::ALL.into_iter().filter(|severity| one_of(&self.severity, severity) && least(*severity));
        let named = [
            (Column::Rule, &self.rule),
            (Column::Namespace, &self.namespace),
            (Column::Owner, &self.owner),
            (Column::App, &self.app),
            (Column::Node, &self.node),
            (Column::Image, &self.image),
            (Column::Kind, &self.kind),
        ];
        let known = |texts: &Vec<String>| texts.iter().filter_map(|text| columns.words().find(text)).collect();
        let stale = match self.stale.as_slice() {
            [] => None,
            [first, rest @ ..] => rest.iter().all(|other| other == first).then_some(*first),
        };
        Wanted {
            book,
            columns,
            sources: bits(self.sources().into_iter().map(|source| source as u8)),
            severities: bits(severities.map(|severity| severity as u8)),
            states: bits(State::ALL.into_iter().filter(|state| one_of(&self.state, state)).map(|state| state as u8)),
            stale,
            words: named
                .into_iter()
                .filter(|(_, texts)| !texts.is_empty())
                .map(|(of, texts)| (of, known(texts)))
                .collect(),
            since: self.since.map(Time::as_second),
            text: self.q.as_deref().map(|text| Finder::new(text.as_bytes())),
            fingerprint: None,
            scopes: HashMap::new(),
        }
    }
}

impl Match {
    /// Over the columns of `book`: what it would mute of that which is open.
    pub(crate) fn over<'a>(&'a self, book: &'a Book) -> Wanted<'a> {
        let columns = book.columns();
        let Self { source, rule, namespace, owner, app, node, image, kind, fingerprint } = self;
        let named = [
            (Column::Rule, rule),
            (Column::Namespace, namespace),
            (Column::Owner, owner),
            (Column::App, app),
            (Column::Node, node),
            (Column::Image, image),
            (Column::Kind, kind),
        ];
        let known = |pattern: &Pattern| match pattern {
            Pattern::Exact(text) => columns.words().find(text).into_iter().collect(),
            Pattern::Prefix(prefix) => {
                let mut words: Vec<Word> = columns.words().beginning(prefix).collect();
                words.sort_unstable();
                words
            }
        };
        let sources = Source::ALL.into_iter().filter(|own| source.is_none_or(|wanted| wanted == *own));
        Wanted {
            book,
            columns,
            sources: bits(sources.map(|source| source as u8)),
            severities: u8::MAX,
            states: bits([State::Open as u8, State::Silenced as u8].into_iter()),
            stale: None,
            words: named.into_iter().filter_map(|(of, pattern)| Some((of, known(pattern.as_ref()?)))).collect(),
            since: None,
            text: None,
            fingerprint: fingerprint.as_ref(),
            scopes: HashMap::new(),
        }
    }
}

impl<'a> Wanted<'a> {
    /// The rows that may match, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'a Row> + use<'a> {
        let resolved = bits([State::Resolved as u8].into_iter());
        self.columns.rows(self.states & !resolved != 0, self.states & resolved != 0)
    }

    /// Whether this row matches.
    pub(crate) fn matches(&mut self, row: &Row) -> bool {
        let has = |bits: u8, place: u8| bits & (1 << place) != 0;
        has(self.states, row.state as u8)
            && has(self.severities, row.severity as u8)
            && has(self.sources, row.source as u8)
            && self.since.is_none_or(|since| row.first_seen >= since)
            && self.words.iter().all(|(column, wanted)| contains(wanted, column.of(row)))
            && self.fingerprint.is_none_or(|pattern| pattern.matches(row.fingerprint.as_str()))
            && self.stale.is_none_or(|wanted| self.is_stale(row) == wanted)
            && self.text.as_ref().is_none_or(|text| text.find(self.columns.text(row).as_bytes()).is_some())
    }

    fn is_stale(&mut self, row: &Row) -> bool {
        if row.state == State::Resolved {
            return false;
        }
        let (book, columns) = (self.book, self.columns);
        let scope = columns.words().get(row.scope).unwrap_or_default();
        *self.scopes.entry((row.source, row.scope)).or_insert_with(|| book.stale_scope(row.source, scope).is_some())
    }
}

impl Column {
    pub(crate) const fn of(self, row: &Row) -> Word {
        match self {
            Self::Rule => row.rule,
            Self::Namespace => row.namespace,
            Self::Owner => row.owner,
            Self::App => row.app,
            Self::Node => row.node,
            Self::Image => row.image,
            Self::Kind => row.kind,
        }
    }
}

fn one_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn is_named(wanted: &[String], text: Option<&str>) -> bool {
    wanted.is_empty() || text.is_some_and(|text| wanted.iter().any(|wanted| wanted == text))
}

/// `text` is lower case.
fn has_text(record: &Record, text: &str) -> bool {
    let mut all = String::new();
    write_text(record, &mut all);
    all.contains(text)
}

fn bits(places: impl Iterator<Item = u8>) -> u8 {
    places.fold(0, |bits, place| bits | 1 << place)
}

/// The words of a prefix are many, and sorted.
fn contains(words: &[Word], word: Word) -> bool {
    match words {
        [only] => *only == word,
        few if few.len() <= 8 => few.contains(&word),
        many => many.binary_search(&word).is_ok(),
    }
}
