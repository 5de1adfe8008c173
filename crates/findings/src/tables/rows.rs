//! Findings, scopes and silences as rows, and back.

use std::borrow::Cow;

use api::finding::{Source, Subject};
use api::{Action, Facts, Fingerprint, Severity, Time};
use hashbrown::HashMap;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use storage::{Failure, Row, Value};

use crate::batch::{Belongs, Exemption, Order, Told};
use crate::event::{Entry, Event};
use crate::record::{Life, Record};
use crate::round::{Look, Looks, RoundState, Scope};
use crate::silence::Silence;

/// Looks as they were stored: most findings share them.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<String, Looks>);

/// All of a record that a touch leaves as it is.
#[derive(Debug, Serialize, Deserialize)]
struct Document<'a> {
    source: Source,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    rule: Cow<'a, str>,
    severity: Severity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow)]
    description: Cow<'a, str>,
    subject: Cow<'a, Subject>,
    belongs: Cow<'a, Belongs>,
    #[serde(borrow)]
    facts: &'a RawValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exemption: Option<Cow<'a, Exemption>>,
    first_seen: i64,
    changed_at: i64,
    reopened: u64,
    episode: u64,
    rounds: u64,
    /// When, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved: Option<(i64, Cow<'a, str>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silence: Option<Cow<'a, str>>,
}

pub(super) fn of_record(record: &Record, revision: i64) -> Vec<Value> {
    // What is new in a record fails to build here until it is stored.
    let Record {
        source,
        scope,
        told,
        first_seen,
        last_seen,
        changed_at,
        count,
        reopened,
        episode,
        life,
        looks,
        rounds,
        touched: _,
    } = record;
    let Told { fingerprint, rule, severity, action, title, description, subject, belongs, facts, figures, exemption } =
        told;
    let (resolved, silence) = match life {
        Life::Open { silence } => (None, silence.as_deref().map(Cow::from)),
        Life::Resolved { at, reason } => (Some((at.as_second(), reason.as_ref().into())), None),
    };
    let document = Document {
        source: *source,
        scope: scope.as_ref().into(),
        rule: rule.as_ref().into(),
        severity: *severity,
        action: *action,
        title: title.as_ref().into(),
        description: description.as_ref().into(),
        subject: Cow::Borrowed(subject),
        belongs: Cow::Borrowed(belongs),
        facts: serde_json::from_str(facts.as_str()).expect("facts are an object"),
        exemption: exemption.as_deref().map(Cow::Borrowed),
        first_seen: first_seen.as_second(),
        changed_at: changed_at.as_second(),
        reopened: *reopened,
        episode: *episode,
        rounds: *rounds,
        resolved,
        silence,
    };
    vec![
        fingerprint.as_str().into(),
        json(&document).into(),
        last_seen.as_second().into(),
        number(*count).into(),
        figures.as_str().into(),
        of_looks(looks).into(),
        revision.into(),
    ]
}

pub(super) fn record(row: &Row, known: &mut Known) -> Result<Record, Failure> {
    let document: Document<'_> =
        serde_json::from_str(row.text(1)?).map_err(|_| Failure::malformed("finding.document"))?;
    let last_seen = time(row.int(2)?)?;
    let life = match document.resolved {
        None => Life::Open { silence: document.silence.map(Box::from) },
        Some((at, reason)) => Life::Resolved { at: time(at)?, reason: reason.into() },
    };
    let told = Told {
        fingerprint: row.text(0)?.parse::<Fingerprint>().map_err(|_| Failure::malformed("finding.fingerprint"))?,
        rule: document.rule.into(),
        severity: document.severity,
        action: document.action,
        title: document.title.into(),
        description: document.description.into(),
        subject: document.subject.into_owned(),
        belongs: document.belongs.into_owned().into(),
        facts: facts(document.facts.get(), "finding.document")?,
        figures: facts(row.text(4)?, "finding.figures")?,
        exemption: document.exemption.map(|exemption| Box::new(exemption.into_owned())),
    };
    Ok(Record {
        source: document.source,
        scope: document.scope.into(),
        told,
        first_seen: time(document.first_seen)?,
        last_seen,
        changed_at: time(document.changed_at)?,
        count: row.int(3)?.unsigned_abs(),
        reopened: document.reopened,
        episode: document.episode,
        life,
        looks: known.looks(row.text(5)?)?,
        rounds: document.rounds,
        touched: last_seen,
    })
}

pub(super) fn of_scope(scope: &Scope, revision: i64) -> Vec<Value> {
    let Scope { source, name, order: Order { fence, round }, looked_at, freshness, detail, rounds, looks } = scope;
    vec![
        source.as_str().into(),
        name.as_ref().into(),
        (*fence).into(),
        number(*round).into(),
        looked_at.map(Time::as_second).into(),
        json(freshness).into(),
        detail.as_str().into(),
        number(*rounds).into(),
        of_looks(looks).into(),
        revision.into(),
    ]
}

pub(super) fn scope(row: &Row, known: &mut Known) -> Result<Scope, Failure> {
    Ok(Scope {
        source: source(row.text(0)?)?,
        name: row.text(1)?.into(),
        order: order(row, 2)?,
        looked_at: row.maybe_int(4)?.map(time).transpose()?,
        freshness: parsed(row.text(5)?, "finding_scope.freshness")?,
        detail: facts(row.text(6)?, "finding_scope.detail")?,
        rounds: row.int(7)?.unsigned_abs(),
        looks: known.looks(row.text(8)?)?,
    })
}

/// Of `source, fence, round, ended_at, complete, suspect, gaps`.
pub(super) fn round(row: &Row) -> Result<RoundState, Failure> {
    Ok(RoundState {
        source: source(row.text(0)?)?,
        order: order(row, 1)?,
        at: time(row.int(3)?)?,
        complete: row.int(4)? != 0,
        suspect: row.int(5)? != 0,
        gaps: parsed(row.text(6)?, "finding_round.gaps")?,
        current: false,
    })
}

/// Of `id, owner, reason, until_at, matches, created_by, created_at, origin, ended_at`.
pub(super) fn silence(row: &Row) -> Result<Silence, Failure> {
    Ok(Silence {
        id: row.text(0)?.to_owned(),
        owner: row.text(1)?.to_owned(),
        reason: row.text(2)?.to_owned(),
        until: time(row.int(3)?)?,
        matches: parsed(row.text(4)?, "silence.matches")?,
        created_by: row.text(5)?.to_owned(),
        created_at: time(row.int(6)?)?,
        origin: word_of(row.text(7)?, "silence.origin")?,
        ended: row.maybe_int(8)?.map(time).transpose()?,
    })
}

/// Of `number, about, happened_at, event`.
pub(super) fn entry(row: &Row) -> Result<Entry, Failure> {
    let event: Event = parsed(row.text(3)?, "finding_entry.event")?;
    Ok(Entry { number: row.int(0)?, about: row.text(1)?.to_owned(), at: time(row.int(2)?)?, event })
}

impl Known {
    fn looks(&mut self, text: &str) -> Result<Looks, Failure> {
        if let Some(looks) = self.0.get(text) {
            return Ok(looks.clone());
        }
        let looks: Vec<(i64, u64, i64)> = parsed(text, "looks")?;
        let look = |(fence, round, at)| Ok(Look { fence, round, at: time(at)? });
        let looks: Looks = looks.into_iter().map(look).collect::<Result<_, Failure>>()?;
        self.0.insert(text.to_owned(), looks.clone());
        Ok(looks)
    }
}

/// `[[fence, round, seconds], …]`: short, since each finding has it.
pub(super) fn of_looks(looks: &Looks) -> String {
    json(&looks.iter().map(|look| (look.fence, look.round, look.at.as_second())).collect::<Vec<_>>())
}

pub(super) fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("it is plain data with names for keys")
}

fn parsed<T: DeserializeOwned>(text: &str, place: &'static str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::malformed(place))
}

fn facts(text: &str, place: &'static str) -> Result<Facts, Failure> {
    Facts::stored(text).ok_or_else(|| Failure::malformed(place))
}

pub(super) fn word_of<T: DeserializeOwned>(word: &str, place: &'static str) -> Result<T, Failure> {
    serde_json::from_value(Json::from(word)).map_err(|_| Failure::malformed(place))
}

fn source(word: &str) -> Result<Source, Failure> {
    word_of(word, "source of a finding")
}

fn order(row: &Row, column: usize) -> Result<Order, Failure> {
    Ok(Order { fence: row.int(column)?, round: row.int(column + 1)?.unsigned_abs() })
}

pub(super) fn time(seconds: i64) -> Result<Time, Failure> {
    Timestamp::from_second(seconds).map(Time::of).map_err(|_| Failure::malformed("time"))
}

/// No count comes near to the bound: a sighting a nanosecond takes 292 years.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
