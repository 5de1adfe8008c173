//! Plans as one write.

use api::{Fingerprint, Time};
use storage::{Statement, Value, Write};

use super::load::State;
use super::rows::{json, number, of_looks, of_record, of_scope};
use super::sql::{DELETIONS, ENTRIES, FINDINGS, FORGOTTEN, SCOPES, TOUCHES};
use crate::book::Leadership;
use crate::event::{Event, Transition};
use crate::plan::{Ended, Keep, Plan, Touch};
use crate::round::RoundState;
use crate::silence::Silence;

/// Channel on which replicas hear of commits of the leader.
pub(crate) const CHANGED: &str = "keelwatch_findings";

/// Channel on which the leader hears of silences.
pub(crate) const SILENCED: &str = "keelwatch_silences";

/// What commit and entry a write begins after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Of the last commit.
    pub(crate) revision: i64,
    /// Of the last entry.
    pub(crate) number: i64,
}

impl From<State> for Numbers {
    fn from(state: State) -> Self {
        Self { revision: state.revision, number: state.number }
    }
}

impl Numbers {
    /// After `plans` have been stored.
    pub(crate) fn after(self, plans: &[Plan]) -> Self {
        let entries: usize = plans.iter().map(|plan| plan.transitions.len()).sum();
        self.with(entries)
    }

    pub(crate) fn with(self, entries: usize) -> Self {
        let entries = i64::try_from(entries).expect("a plan fits in memory");
        Self { revision: self.revision + 1, number: self.number + entries }
    }
}

/// Plans of one group as one write; nothing if nothing of them is to be stored.
pub(crate) fn write_of(plans: &[Plan], numbers: Numbers) -> Write {
    if !plans.iter().any(Plan::stores) {
        return Write::new();
    }
    let mut write = Write::new();
    let next = numbers.after(plans);
    let all = |of: fn(&Plan) -> &[Fingerprint]| plans.iter().flat_map(of).map(fingerprint);
    write.extend(DELETIONS.statements(all(|plan| &plan.forgotten).map(|fingerprint| vec![fingerprint])));
    let forgotten = all(|plan| &plan.forgotten).map(|fingerprint| vec![fingerprint, next.revision.into()]);
    write.extend(FORGOTTEN.statements(forgotten));
    let records = plans.iter().flat_map(|plan| &plan.records);
    write.extend(FINDINGS.statements(records.map(|record| of_record(record, next.revision))));
    let touches = plans.iter().flat_map(|plan| &plan.touches).filter(|touch| touch.keep == Keep::Stored);
    write.extend(TOUCHES.statements(touches.map(|touch| touched(touch, next.revision))));
    let transitions = plans.iter().flat_map(|plan| &plan.transitions);
    let entries = (numbers.number + 1..).zip(transitions).map(|(number, transition)| entry(number, transition));
    write.extend(ENTRIES.statements(entries));
    // A look alone is not stored: the end of its round does it.
    let looked = plans.iter().filter(|plan| plan.stores()).flat_map(|plan| &plan.looked);
    let ended = plans.iter().flat_map(|plan| &plan.round);
    let scopes = looked.chain(ended.clone().flat_map(|ended| &ended.scopes));
    write.extend(SCOPES.statements(scopes.map(|scope| of_scope(scope, next.revision))));
    ended.for_each(|ended| write.extend(end(ended, next.revision)));
    let silenced: Vec<Statement> = plans.iter().flat_map(silences).collect();
    let is_silenced = !silenced.is_empty();
    write.extend(silenced);
    write.then(moved(next, is_silenced)).notify(CHANGED)
}

/// Entries alone, about what stays as it is.
pub(crate) fn note(entries: &[(String, Time, Event)], numbers: Numbers) -> Write {
    let mut write = Write::new();
    let rows = (numbers.number + 1..).zip(entries);
    write.extend(ENTRIES.statements(rows.map(|(number, (about, at, event))| row(number, about, *at, event))));
    write.then(moved(numbers.with(entries.len()), false)).notify(CHANGED)
}

/// Somebody leads from here on.
pub(crate) fn led(lead: Leadership, numbers: Numbers) -> Write {
    const LED: &str = "UPDATE finding_state SET revision = $1, fence = $2, led_at = $3";
    let revision = numbers.with(0).revision;
    Write::new().then(Statement::new(LED).bind(revision).bind(lead.fence).bind(lead.since.as_second())).notify(CHANGED)
}

/// A silence that begins, told by any replica.
pub(crate) fn silenced(silence: &Silence) -> Write {
    Write::new().then(begin(silence)).then(Statement::new(SILENCES_GREW)).notify(SILENCED)
}

/// A silence that ends, told by any replica. The one that has ended keeps its time.
pub(crate) fn unsilenced(id: &str, at: Time) -> Write {
    Write::new().then(finish(id, at)).then(Statement::new(SILENCES_GREW)).notify(SILENCED)
}

const SILENCES_GREW: &str = "UPDATE finding_state SET silences = silences + 1";

fn moved(Numbers { revision, number }: Numbers, is_silenced: bool) -> Statement {
    const MOVED: &str = "UPDATE finding_state SET revision = $1, number = $2, silences = silences + $3";
    Statement::new(MOVED).bind(revision).bind(number).bind(i64::from(is_silenced))
}

fn fingerprint(fingerprint: &Fingerprint) -> Value {
    fingerprint.as_str().into()
}

fn touched(touch: &Touch, revision: i64) -> Vec<Value> {
    let Touch { fingerprint, last_seen, count, figures, looks, keep: _ } = touch;
    vec![
        fingerprint.as_str().into(),
        last_seen.as_second().into(),
        number(*count).into(),
        figures.as_ref().map(|figures| figures.as_str().to_owned()).into(),
        of_looks(looks).into(),
        revision.into(),
    ]
}

fn entry(number: i64, transition: &Transition) -> Vec<Value> {
    let Transition { fingerprint, at, event } = transition;
    row(number, fingerprint.as_str(), *at, event)
}

fn row(number: i64, about: &str, at: Time, event: &Event) -> Vec<Value> {
    vec![number.into(), about.into(), at.as_second().into(), json(event).into()]
}

fn end(ended: &Ended, revision: i64) -> Vec<Statement> {
    const DROP: &str = "DELETE FROM finding_scope WHERE source = $1 AND scope = $2";
    const END: &str = "INSERT INTO finding_round (source, fence, round, ended_at, complete, suspect, gaps, revision) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source) DO UPDATE SET fence = excluded.fence, \
        round = excluded.round, ended_at = excluded.ended_at, complete = excluded.complete, suspect = excluded.suspect, \
        gaps = excluded.gaps, revision = excluded.revision";
    let Ended { state, scopes: _, dropped, look: _ } = ended;
    let RoundState { source, order, at, complete, suspect, gaps, current: _ } = state;
    let drop = |name: &String| Statement::new(DROP).bind(source.as_str()).bind(name.as_str());
    let mut statements: Vec<Statement> = dropped.iter().map(drop).collect();
    let end = Statement::new(END).bind(source.as_str()).bind(order.fence).bind(number(order.round));
    let end = end.bind(at.as_second()).bind(i64::from(*complete)).bind(i64::from(*suspect));
    statements.push(end.bind(json(gaps)).bind(revision));
    statements
}

fn silences(plan: &Plan) -> Vec<Statement> {
    let lapse = |id: &String| Statement::new("DELETE FROM silence WHERE id = $1").bind(id.as_str());
    let begun = plan.begun.iter().map(begin);
    let ended = plan.ended.iter().map(|(id, at)| finish(id, *at));
    begun.chain(ended).chain(plan.lapsed.iter().map(lapse)).collect()
}

fn finish(id: &str, at: Time) -> Statement {
    const FINISH: &str = "UPDATE silence SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL";
    Statement::new(FINISH).bind(at.as_second()).bind(id)
}

fn begin(silence: &Silence) -> Statement {
    const BEGIN: &str = "INSERT INTO silence (id, owner, reason, until_at, matches, created_by, created_at, origin, ended_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, \
        reason = excluded.reason, until_at = excluded.until_at, matches = excluded.matches, \
        created_by = excluded.created_by, created_at = excluded.created_at, origin = excluded.origin, \
        ended_at = excluded.ended_at";
    let Silence { id, owner, reason, until, matches, created_by, created_at, origin, ended } = silence;
    let statement = Statement::new(BEGIN).bind(id.as_str()).bind(owner.as_str()).bind(reason.as_str());
    let statement = statement.bind(until.as_second()).bind(json(matches)).bind(created_by.as_str());
    statement.bind(created_at.as_second()).bind(origin.as_str()).bind(ended.map(Time::as_second))
}
