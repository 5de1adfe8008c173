//! Silences: what mutes findings, by whose decision, until when.

use api::{Fingerprint, Time};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use web::openapi::{Answers, Operation};
use web::page::{self, Bound};
use web::{Fault, Json, NoQuery, Path, Query, Who};

use super::Views;
use super::list::finding;
use crate::book::Book;
use crate::findings::StoreError;
use crate::select::{Sort, select};
use crate::silence::{MOST, Match, Origin, Silence, faults};
use crate::wire::{NewSilence, SilenceList, SilenceState, SilenceTrial, SilenceView};

/// Findings that a trial tells.
const TRIAL: usize = 100;

/// Which silences.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub(super) struct ListQuery {
    /// `active` (default), `ended` within the last 30 days, or `all`.
    state: Wanted,
    /// Silences on a page, 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From the former page.
    r#continue: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    #[default]
    Active,
    Ended,
    All,
}

/// How a silence is begun.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub(super) struct BeginQuery {
    /// Only says what it would mute, and does nothing.
    dry_run: bool,
}

/// Which silence.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(super) struct Which {
    /// Its id.
    id: String,
}

/// A silence that has begun, or what one would do.
pub(super) enum Begun {
    Silence(Box<SilenceView>),
    Trial(Box<SilenceTrial>),
}

/// Lists silences, the newest first.
pub(super) async fn list(
    State(views): State<Views>,
    Query(query): Query<ListQuery>,
) -> Result<Json<SilenceList>, Fault> {
    let now = views.findings.inner.now();
    let (limit, bound) = (page::limit(query.limit)?, Bound::of(["silences", query.state.as_str()]));
    let after = query.r#continue.as_deref().map(|text| read_place(text, bound)).transpose()?;
    let is_wanted = |silence: &&Silence| match query.state {
        Wanted::Active => silence.holds(now),
        Wanted::Ended => !silence.holds(now),
        Wanted::All => true,
    };
    let mut silences: Vec<Silence> = views.findings.ask(|book| book.silences().filter(is_wanted).cloned().collect());
    let count = silences.len();
    silences.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    if let Some((created_at, id)) = after {
        silences.retain(|silence| (silence.created_at, &silence.id) < (created_at, &id));
    }
    let has_more = silences.len() > limit;
    silences.truncate(limit);
    let next = silences.last().filter(|_| has_more);
    let next = next.map(|last| bound.write(&[&last.created_at.to_string(), &last.id]));
    // Each look at all findings on its own: a thousand of them must not keep what is found waiting.
    let items = silences.iter().map(|silence| views.findings.ask(|book| view(book, silence, now)));
    Ok(Json(SilenceList { items: items.collect(), next, count }))
}

/// The last silence of the former page.
fn read_place(text: &str, bound: Bound) -> Result<(Time, String), Fault> {
    let [created_at, id] = bound.read(text)?;
    let created_at: Timestamp = created_at.parse().map_err(|_| {
        page::bad("continue", "this is not from a list (accepted: `continue` of the former page, as it is)")
    })?;
    Ok((Time::of(created_at), id))
}

/// Shows one silence.
pub(super) async fn one(
    State(views): State<Views>,
    Path(Which { id }): Path<Which>,
    _: NoQuery,
) -> Result<Json<SilenceView>, Fault> {
    views.silence(&id).map(|(_, shown)| Json(shown))
}

/// Begins a silence, or tries what it would mute.
pub(super) async fn begin(
    State(views): State<Views>,
    Query(BeginQuery { dry_run }): Query<BeginQuery>,
    who: Who,
    Json(asked): Json<NewSilence>,
) -> Result<Begun, Fault> {
    let moment = views.findings.inner.clock.now();
    let silence = checked(asked, who.as_str(), moment)?;
    let now = silence.created_at;
    if dry_run {
        return Ok(Begun::Trial(Box::new(views.findings.ask(|book| trial(book, &silence, now)))));
    }
    if views.findings.silences_in_force(now).await.map_err(StoreError::from)? >= MOST {
        let detail = format!("{MOST} silences are in force, and no more can be (end one, or let one match more)");
        return Err(Fault::new(StatusCode::CONFLICT, "too-many-silences", detail));
    }
    views.findings.silence(silence.clone(), now).await?;
    Ok(Begun::Silence(Box::new(views.findings.ask(|book| view(book, &silence, now)))))
}

/// Ends a silence now; one that has ended stays as it is.
pub(super) async fn end(
    State(views): State<Views>,
    Path(Which { id }): Path<Which>,
    _: NoQuery,
) -> Result<Json<SilenceView>, Fault> {
    let (silence, shown) = views.silence(&id)?;
    match (silence.origin, shown.state) {
        (_, SilenceState::Ended) => Ok(Json(shown)),
        (Origin::Settings, SilenceState::Active) => {
            let detail = format!(
                "the silence {id} stands in the settings, and ends when it is taken out of `findings.silences`"
            );
            Err(Fault::new(StatusCode::CONFLICT, "silence-of-settings", detail))
        }
        (Origin::Api, SilenceState::Active) => {
            views.findings.end_silence(&id, views.findings.inner.now()).await?;
            views.silence(&id).map(|(_, shown)| Json(shown))
        }
    }
}

impl Wanted {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::All => "all",
        }
    }
}

impl Views {
    fn silence(&self, id: &str) -> Result<(Silence, SilenceView), Fault> {
        let now = self.findings.inner.now();
        let known = self.findings.ask(|book| {
            let silence = book.silences().find(|silence| silence.id == id)?;
            Some((silence.clone(), view(book, silence, now)))
        });
        known.ok_or_else(|| Fault::not_found(format!("no silence {} is known", page::echo(id))))
    }
}

/// A silence as it is served.
pub(super) fn view(book: &Book, silence: &Silence, now: Time) -> SilenceView {
    let Silence { id, owner, reason, until, matches, created_by, created_at, origin, ended } = silence.clone();
    let holds = silence.holds(now);
    let count = if holds { select(matches.over(book), Sort::default(), None, 0).counts.all() } else { 0 };
    SilenceView {
        id,
        owner,
        reason,
        until,
        matches_what: matches,
        created_by,
        created_at,
        origin,
        state: if holds { SilenceState::Active } else { SilenceState::Ended },
        ended_at: if holds { None } else { ended.or(Some(until)) },
        matches: count,
    }
}

fn trial(book: &Book, silence: &Silence, now: Time) -> SilenceTrial {
    let keys = select(silence.matches.over(book), Sort::default(), None, TRIAL).keys;
    let would_silence = keys.iter().filter_map(|key| finding(book, &key.fingerprint)).collect();
    SilenceTrial { silence: view(book, silence, now), would_silence }
}

/// The silence that was asked for, or everything that is wrong with it.
fn checked(asked: NewSilence, by: &str, moment: Timestamp) -> Result<Silence, Fault> {
    let NewSilence { owner, reason, until, matches } = asked;
    let now = Time::of(moment);
    let (parsed, mut wrong) = (until.parse().ok().map(|until: Timestamp| Time::of(until)), Vec::new());
    let matched = read_match(&matches, &mut wrong);
    let is_match_read = wrong.is_empty();
    let rules = faults(&owner, &reason, parsed, &matched, Some(now));
    for (path, text) in rules {
        match path.as_str() {
            "until" if parsed.is_none() && !until.is_empty() => {
                let text = format!("`{}` is no time (accepted: RFC 3339, at most 366 days ahead)", page::echo(&until));
                wrong.push((path, text));
            }
            "match" if !is_match_read => {}
            _ => wrong.push((path, text)),
        }
    }
    let (Some(until), true) = (parsed, wrong.is_empty()) else {
        let faults: Vec<String> = wrong.into_iter().map(|(path, text)| format!("{path}: {text}")).collect();
        let first = faults.first().cloned().unwrap_or_default();
        let detail = if faults.len() > 1 { format!("{first} (and {} more)", faults.len() - 1) } else { first };
        return Err(Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-silence", detail).with_faults(faults));
    };
    let matched_text = format!("{matches:?}");
    let parts = [&owner, &reason, &until.to_string(), &matched_text, by, &moment.as_nanosecond().to_string()];
    let id = format!("s-{}", &Fingerprint::over(parts).as_str()[..12]);
    let (created_by, created_at) = (by.to_owned(), now);
    Ok(Silence { id, owner, reason, until, matches: matched, created_by, created_at, origin: Origin::Api, ended: None })
}

/// Reads each key; what is wrong with one does not hide what is wrong with another.
fn read_match(asked: &std::collections::BTreeMap<String, String>, wrong: &mut Vec<(String, String)>) -> Match {
    let mut read = Match::default();
    for (key, text) in asked {
        let mut fault = |told: String| wrong.push((format!("match.{key}"), told));
        if key == "source" {
            match api::finding::Source::ALL.into_iter().find(|source| source.as_str() == text) {
                Some(source) => read.source = Some(source),
                None => fault(format!(
                    "`{}` is no source (accepted: process, workload, image, inspection)",
                    page::echo(text)
                )),
            }
            continue;
        }
        let place = match key.as_str() {
            "rule" => &mut read.rule,
            "namespace" => &mut read.namespace,
            "owner" => &mut read.owner,
            "app" => &mut read.app,
            "node" => &mut read.node,
            "image" => &mut read.image,
            "kind" => &mut read.kind,
            "fingerprint" => &mut read.fingerprint,
            _ => {
                fault(
                    "is no key (accepted: source, rule, namespace, owner, app, node, image, kind, fingerprint)"
                        .to_owned(),
                );
                continue;
            }
        };
        match text.parse() {
            Ok(pattern) => *place = Some(pattern),
            Err(error) => fault(error.to_string()),
        }
    }
    read
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        match self {
            Self::Silence(silence) => (StatusCode::CREATED, Json(silence)).into_response(),
            Self::Trial(trial) => Json(trial).into_response(),
        }
    }
}

impl Answers for Begun {
    fn describe(operation: &mut Operation) {
        operation.answers_json::<SilenceView>(StatusCode::CREATED);
        operation.answers_json::<SilenceTrial>(StatusCode::OK);
        operation.refuses(StatusCode::CONFLICT);
        operation.refuses(StatusCode::SERVICE_UNAVAILABLE);
    }
}
