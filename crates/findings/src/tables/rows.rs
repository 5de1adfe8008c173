//! Findings, scopes and silences as rows, and back.

use std::collections::HashMap;

use api::finding::Source;
use api::{Fingerprint, Time};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use storage::{Failure, Row, Value};

use crate::batch::{Order, Sighting};
use crate::event::{Entry, Event};
use crate::facts::Facts;
use crate::record::{Life, Record};
use crate::round::{Look, Looks, RoundState, Scope};
use crate::silence::Silence;

/// Looks as they were stored: most findings share them.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<String, Looks>);

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
    let Sighting {
        fingerprint,
        rule,
        severity,
        action,
        title,
        description,
        subject,
        belongs,
        facts,
        figures,
        count: _,
        exemption,
        first_seen: _,
    } = told;
    let (resolved_at, reason, silence) = match life {
        Life::Open { silence } => (None, None, silence.clone()),
        Life::Resolved { at, reason } => (Some(seconds(*at)), Some(reason.clone()), None),
    };
    vec![
        fingerprint.as_str().into(),
        source.as_str().into(),
        scope.as_ref().into(),
        rule.as_ref().into(),
        severity.as_str().into(),
        action.map(|action| action.as_str().to_owned()).into(),
        title.as_str().into(),
        description.as_ref().into(),
        json(subject).into(),
        json(belongs.as_ref()).into(),
        facts.as_str().into(),
        figures.as_str().into(),
        exemption.as_ref().map(json).into(),
        seconds(*first_seen).into(),
        seconds(*last_seen).into(),
        seconds(*changed_at).into(),
        number(*count).into(),
        number(*reopened).into(),
        resolved_at.into(),
        reason.into(),
        silence.into(),
        number(*episode).into(),
        of_looks(looks).into(),
        number(*rounds).into(),
        revision.into(),
    ]
}

pub(super) fn record(row: &Row, known: &mut Known) -> Result<Record, Failure> {
    let last_seen = time(row.int(14)?)?;
    let life = match row.maybe_int(18)? {
        None => Life::Open { silence: row.maybe_text(20)?.map(str::to_owned) },
        Some(at) => Life::Resolved { at: time(at)?, reason: row.maybe_text(19)?.unwrap_or_default().to_owned() },
    };
    let told = Sighting {
        fingerprint: row.text(0)?.parse::<Fingerprint>().map_err(|_| Failure::malformed("finding.fingerprint"))?,
        rule: row.text(3)?.into(),
        severity: row.text(4)?.parse().map_err(|_| Failure::malformed("finding.severity"))?,
        action: row.maybe_text(5)?.map(|word| word_of(word, "finding.action")).transpose()?,
        title: row.text(6)?.to_owned(),
        description: row.text(7)?.into(),
        subject: parsed(row.text(8)?, "finding.subject")?,
        belongs: parsed::<crate::batch::Belongs>(row.text(9)?, "finding.belongs")?.into(),
        facts: facts(row.text(10)?, "finding.facts")?,
        figures: facts(row.text(11)?, "finding.figures")?,
        count: None,
        exemption: row.maybe_text(12)?.map(|text| parsed(text, "finding.exemption")).transpose()?.map(Box::new),
        first_seen: None,
    };
    Ok(Record {
        source: source(row.text(1)?)?,
        scope: row.text(2)?.into(),
        told,
        first_seen: time(row.int(13)?)?,
        last_seen,
        changed_at: time(row.int(15)?)?,
        count: row.int(16)?.unsigned_abs(),
        reopened: row.int(17)?.unsigned_abs(),
        episode: row.int(21)?.unsigned_abs(),
        life,
        looks: known.looks(row.text(22)?)?,
        rounds: row.int(23)?.unsigned_abs(),
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
        looked_at.map(seconds).into(),
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
    json(&looks.iter().map(|look| (look.fence, look.round, seconds(look.at))).collect::<Vec<_>>())
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

pub(super) fn seconds(time: Time) -> i64 {
    Timestamp::from(time).as_second()
}

pub(super) fn time(seconds: i64) -> Result<Time, Failure> {
    Timestamp::from_second(seconds).map(Time::of).map_err(|_| Failure::malformed("time"))
}

/// No count comes near to the bound: a sighting a nanosecond takes 292 years.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
