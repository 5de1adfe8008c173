//! Open findings over time.

use std::time::Duration;

use api::Time;
use api::finding::Source;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use web::page::{bad, echo};
use web::{Fault, Json, Query};

use super::query::time;
use super::{Views, unavailable};
use crate::findings::Hour;
use crate::wire::{BySeverity, Trend, TrendPoint};

/// Which findings, since when, how often.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub(super) struct TrendQuery {
    /// From this time on, RFC 3339; the last seven days if it is left out.
    since: Option<String>,
    /// From one moment to the next: `1h` (default) to `7d`, in whole hours.
    step: Option<String>,
    /// Found by this source; repeatable.
    source: Vec<Source>,
    /// In this namespace; repeatable.
    namespace: Vec<String>,
}

const HOUR: Duration = Duration::from_hours(1);
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Counts open findings over time.
pub(super) async fn trend(State(views): State<Views>, Query(query): Query<TrendQuery>) -> Result<Json<Trend>, Fault> {
    let step = step(query.step.as_deref())?;
    let since = query.since.as_deref().map(|text| time("since", text)).transpose()?;
    let now = views.findings.inner.now();
    let since = since.unwrap_or_else(|| week_before(now));
    let hours = views.findings.trend((since, now), &query.source, &query.namespace).await;
    let hours = hours.map_err(|failure| unavailable(&failure))?;
    Ok(Json(Trend { step_s: step.as_secs(), items: points(&hours, step) }))
}

/// Of each step the last hour that was counted. A step without one has no point.
fn points(hours: &[Hour], step: Duration) -> Vec<TrendPoint> {
    let step = i64::try_from(step.as_secs()).expect("a step is a week at most");
    let of = |hour: &Hour| hour.at.as_second().div_euclid(step);
    let steps = hours.chunk_by(|one, other| of(one) == of(other));
    steps.filter_map(|hours| hours.last()).map(point).collect()
}

fn point(hour: &Hour) -> TrendPoint {
    let mut counts = [0; 4];
    for (severity, count) in &hour.open {
        counts[*severity as usize] += count;
    }
    let by_severity = BySeverity::from(counts);
    TrendPoint { at: hour.at, count: by_severity.all(), by_severity }
}

fn step(asked: Option<&str>) -> Result<Duration, Fault> {
    let Some(text) = asked else { return Ok(HOUR) };
    let refused = |why: &str| bad("step", &format!("`{}` is {why} (accepted: 1h to 7d)", echo(text)));
    let step = document::duration::parse(text).map_err(|_| refused("no duration"))?;
    if !(HOUR..=LONGEST).contains(&step) {
        return Err(refused("out of range"));
    }
    if step.as_secs() % HOUR.as_secs() != 0 || step.subsec_nanos() != 0 {
        return Err(refused("no whole number of hours"));
    }
    Ok(step)
}

fn week_before(now: Time) -> Time {
    let week = SignedDuration::try_from(LONGEST).expect("a week is a duration");
    Timestamp::from(now).checked_sub(week).map_or(now, Time::of)
}

#[cfg(test)]
mod tests {
    use api::Severity;

    use super::*;

    #[test]
    fn a_step_has_the_last_count_within_it_and_a_gap_has_none() {
        let at = |hour: i64| Time::of(Timestamp::from_second(1_795_219_200 + hour * 3600).unwrap());
        let hour = |number, count| Hour { at: at(number), open: vec![(Severity::Low, count), (Severity::Critical, 1)] };
        let hours = [hour(0, 1), hour(1, 2), hour(5, 3), hour(18, 4)];
        let told = |step| {
            points(&hours, Duration::from_hours(step))
                .into_iter()
                .map(|point| (point.at, point.count))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(1), [(at(0), 2), (at(1), 3), (at(5), 4), (at(18), 5)]);
        assert_eq!(told(6), [(at(5), 4), (at(18), 5)]);
    }
}
