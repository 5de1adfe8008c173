//! Silences that any replica began or ended, and those of the settings.

use api::Time;
use storage::Failure;
use tracing::warn;

use super::Writer;
use crate::book::Book;
use crate::findings::{Done, Inner, Pen, StoreError};
use crate::plan::Plan;
use crate::settings::SilenceSetting;
use crate::silence::{LONGEST, MOST, Origin, Silence};
use crate::tables;

impl Writer {
    /// Takes silences that any replica began or ended.
    pub(super) async fn silences(&mut self, inner: &Inner, pen: &mut Pen, now: Time) -> Result<Done, StoreError> {
        let silences = tables::state(&inner.storage).await?.silences;
        let mut all = Done::default();
        for silence in tables::silences(&inner.storage).await? {
            let is_known = |book: &Book| book.silences().any(|known| *known == silence);
            if !inner.ask(is_known) {
                let plan = inner.ask(|book| book.heard(silence.clone(), now));
                all.transitions.extend(self.one(inner, pen, plan).await?.transitions);
            }
        }
        pen.at.silences = silences;
        Ok(all)
    }

    /// Makes silences what the settings say, and findings what their silences say.
    pub(super) async fn settle(&mut self, inner: &Inner, pen: &mut Pen) -> Result<Done, Failure> {
        // Settings that come meanwhile are for the next time.
        inner.set_unsettled(false);
        let settled = self.settle_now(inner, pen).await;
        if settled.is_err() {
            inner.set_unsettled(true);
        }
        settled
    }

    async fn settle_now(&mut self, inner: &Inner, pen: &mut Pen) -> Result<Done, Failure> {
        let (settings, now) = (inner.settings(), inner.now());
        let plan = inner.ask(|book| of_settings(book, &settings.silences, now));
        if plan.stores() {
            self.one(inner, pen, plan).await?;
        }
        let plan = inner.ask(|book| book.settle(now));
        self.one(inner, pen, plan).await
    }
}

/// Silences of the settings that begin, changed or went.
fn of_settings(book: &Book, wanted: &[SilenceSetting], now: Time) -> Plan {
    let mut plan = Plan::default();
    // Whose end has come as it was set ends by the time alone, then.
    let is_meant = |silence: &Silence, wanted: &SilenceSetting| {
        wanted.id == silence.id && (wanted.until == silence.until || can_hold(wanted.until, now))
    };
    let is_wanted = |silence: &Silence| wanted.iter().any(|wanted| is_meant(silence, wanted));
    let stays = |silence: &&Silence| silence.holds(now) && (silence.origin == Origin::Api || is_wanted(silence));
    let mut room = MOST.saturating_sub(book.silences().filter(stays).count());
    for SilenceSetting { id, owner, reason, until, matches } in wanted {
        if !can_hold(*until, now) {
            if *until > now {
                warn!(silence = %id, "silence {id} of the settings ends more than 366 days ahead and does not hold");
            }
            continue;
        }
        let known = book.silences().find(|silence| silence.id == *id);
        if known.is_some_and(|known| known.origin == Origin::Api) {
            warn!(silence = %id, "silence {id} of the settings is not begun: another one has its id");
            continue;
        }
        let held = known.filter(|known| known.ended.is_none());
        if !known.is_some_and(|known| known.holds(now)) {
            if room == 0 {
                warn!(silence = %id, "silence {id} of the settings is not begun: {MOST} are in force, and no more can be");
                continue;
            }
            room -= 1;
        }
        let silence = Silence {
            id: id.clone(),
            owner: owner.clone(),
            reason: reason.clone(),
            until: *until,
            matches: matches.clone(),
            created_by: "settings".to_owned(),
            created_at: held.map_or(now, |held| held.created_at),
            origin: Origin::Settings,
            ended: None,
        };
        if held != Some(&silence) {
            plan.begun.push(silence);
        }
    }
    let held = book.silences().filter(|silence| silence.origin == Origin::Settings && silence.ended.is_none());
    plan.ended = held.filter(|silence| !is_wanted(silence)).map(|silence| (silence.id.clone(), now)).collect();
    plan
}

fn can_hold(until: Time, now: Time) -> bool {
    until > now && until.since(now) <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{LIMITS, at, silence};

    #[test]
    fn silences_of_the_settings_begin_only_as_long_as_there_is_room() {
        let mut book = Book::new(LIMITS);
        let of_api = (0..MOST - 2).map(|number| silence(&format!("s-{number}"), "ns-0", at(3600)));
        let ended = Silence { ended: Some(at(0)), ..silence("s-ended", "ns-0", at(3600)) };
        book.apply(Plan { heard: of_api.chain([ended]).collect(), ..Plan::default() });
        let of = |id: &str| {
            let Silence { id, owner, reason, until, matches, .. } = silence(id, "ns-1", at(3600));
            SilenceSetting { id, owner, reason, until, matches }
        };
        let begun = |plan: &Plan| plan.begun.iter().map(|silence| silence.id.clone()).collect::<Vec<_>>();
        let plan = of_settings(&book, &["a", "b", "c"].map(of), at(1));
        assert_eq!(begun(&plan), ["a", "b"]);
        book.apply(plan);
        // What holds goes on; what goes makes room.
        assert_eq!(begun(&of_settings(&book, &["z", "a", "b"].map(of), at(2))), Vec::<String>::new());
        assert_eq!(begun(&of_settings(&book, &["z", "b"].map(of), at(2))), ["z"]);
    }
}
