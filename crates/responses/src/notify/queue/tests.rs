//! What a queue does with answers, deaths and leaders that change.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use findings::event::{Did, Event};

use super::*;
use crate::notify::fixture::{Office, fingerprint, notifier, seen, seen_of};
use crate::notify::outbox::Figures;
use crate::notify::settings::{NotifierKind, NotifierSettings};

/// A receiver that answers as it was told to, and then always well; remembers when it got what.
#[derive(Debug, Clone, Default)]
struct Receiver(Arc<Mutex<Inbox>>);

#[derive(Debug, Default)]
struct Inbox {
    answers: VecDeque<Outcome>,
    got: Vec<(u64, String)>,
}

struct Delivery(Receiver, Arc<Desk>);

impl Receiver {
    fn answering(answers: impl IntoIterator<Item = Outcome>) -> Self {
        let answers = answers.into_iter().collect();
        Self(Arc::new(Mutex::new(Inbox { answers, got: Vec::new() })))
    }

    /// Seconds of the clock and identities.
    fn got(&self) -> Vec<(u64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).got.clone()
    }

    fn times(&self) -> Vec<u64> {
        self.got().into_iter().map(|(at, _)| at).collect()
    }
}

impl Deliver for Delivery {
    async fn deliver(&mut self, _: &Lead, _: &NotifierSettings, _: &Orders, message: &Message) -> Outcome {
        let mut inbox = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.got.push((self.1.clock.monotonic().as_secs(), message.id.clone()));
        inbox.answers.pop_front().unwrap_or(Outcome::Delivered)
    }
}

fn at_once() -> NotifierSettings {
    NotifierSettings { group_wait: Duration::ZERO, ..notifier(NotifierKind::Webhook) }
}

fn again(why: &str, after: Option<u64>, is_down: bool) -> Outcome {
    Outcome::Again { why: why.to_owned(), after: after.map(Duration::from_secs), is_down }
}

fn queue(office: &Office, lead: &Lead, receiver: &Receiver) -> Queue<Delivery> {
    let delivery = Delivery(receiver.clone(), office.desk.clone());
    Queue::new(office.desk.clone(), lead.clone(), "ops".to_owned(), delivery)
}

/// Steps, and lets the time go by that they ask for, until there is nothing to do.
async fn until_idle<D: Deliver>(office: &Office, queue: &mut Queue<D>) -> Step {
    loop {
        match queue.step().await {
            Step::On => {}
            Step::At(at) => office.clock.advance(at.saturating_sub(office.desk.clock.monotonic())),
            end => return end,
        }
    }
}

/// Ten apps with one finding each.
async fn ten(office: &Office, lead: &Lead) {
    let apps = (0..10).map(|number| seen_of(&format!("app-{number}"), number)).collect();
    office.look(lead, 1, apps, &[]).await;
    office.announce(lead).await;
}

async fn did(office: &Office, number: u32) -> Vec<(Did, String)> {
    let history = office.desk.findings.history(&[fingerprint(number).as_str()], 100).await.unwrap();
    let did = history.into_iter().filter_map(|entry| match entry.event {
        Event::Response { did, reason, .. } => Some((did, reason)),
        _ => None,
    });
    did.collect()
}

#[tokio::test]
async fn a_message_is_delivered_and_the_history_says_so() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    let receiver = Receiver::default();
    let mut queue = queue(&office, &lead, &receiver);
    assert_eq!(until_idle(&office, &mut queue).await, Step::Rest);
    assert_eq!((receiver.times(), office.desk.tally.of("ops").sent), (vec![0], 1));
    assert_eq!(did(&office, 1).await, [(Did::Sent, "opened".to_owned())]);
    office.announce(&lead).await;
    assert_eq!((until_idle(&office, &mut queue).await, receiver.times()), (Step::Rest, vec![0]));
}

#[tokio::test]
async fn a_receiver_that_is_down_is_asked_less_and_less_and_gets_all_in_the_end() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    let receiver = Receiver::answering(vec![again("refused", None, true); 5]);
    until_idle(&office, &mut queue(&office, &lead, &receiver)).await;
    let times = receiver.times();
    let pauses: Vec<u64> = times.windows(2).take(5).map(|pair| pair[1] - pair[0]).collect();
    for (pause, doubled) in pauses.iter().zip([5.0_f64, 10.0, 20.0, 40.0, 80.0]) {
        let expected = doubled.mul_add(0.8, -1.0)..=doubled.mul_add(1.2, 1.0);
        assert!(expected.contains(&f64::from(u32::try_from(*pause).unwrap())), "{pauses:?}");
    }
    assert_eq!((times.len(), office.desk.tally.of("ops").failed, office.desk.tally.of("ops").sent), (15, 5, 10));
}

#[tokio::test]
async fn a_receiver_that_is_busy_is_asked_when_it_said() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    let receiver = Receiver::answering([again("answer 429", Some(7), true), again("answer 429", Some(9000), true)]);
    until_idle(&office, &mut queue(&office, &lead, &receiver)).await;
    assert_eq!(receiver.times()[..3], [0, 7, 607]);
}

#[tokio::test]
async fn a_message_that_fails_holds_up_no_other_group() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    let receiver = Receiver::answering(vec![again("answer 500", None, false)]);
    until_idle(&office, &mut queue(&office, &lead, &receiver)).await;
    let got = receiver.got();
    assert_eq!((got.len(), &got[0].1), (11, &got[10].1));
    // Five a second are allowed.
    assert_eq!(got[..10].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
}

#[tokio::test]
async fn a_message_that_is_refused_is_dead_and_shown() {
    let silent = || NotifierSettings { repeat_every: Duration::ZERO, ..at_once() };
    let office = Office::open(vec![silent()]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    let why = "code 9499: Bad Request";
    let receiver = Receiver::answering([Outcome::Never { why: why.to_owned() }]);
    until_idle(&office, &mut queue(&office, &lead, &receiver)).await;
    let shown = Figures { pending: 0, oldest: None, dead: 1, error: Some(why.to_owned()) };
    assert_eq!((office.desk.outbox().figures("ops"), receiver.got().len()), (shown.clone(), 1));
    assert_eq!(did(&office, 1).await, [(Did::Dead, why.to_owned())]);
    let next = office.another(vec![silent()]).await;
    let lead = next.lead().await;
    next.announce(&lead).await;
    assert_eq!(next.desk.outbox().figures("ops"), shown);
    next.advance(7 * 24 * 3600);
    next.announce(&lead).await;
    assert_eq!(next.desk.outbox().figures("ops"), Figures::default());
}

#[tokio::test]
async fn a_message_that_grows_too_old_is_dead() {
    let office = Office::open(vec![NotifierSettings { max_age: Duration::from_mins(1), ..at_once() }]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    let receiver = Receiver::answering(vec![again("no answer in time", None, true); 100]);
    until_idle(&office, &mut queue(&office, &lead, &receiver)).await;
    let Figures { pending, dead, error, .. } = office.desk.outbox().figures("ops");
    assert_eq!((pending, dead, error.as_deref()), (0, 1, Some("not delivered within 1m: no answer in time")));
    assert!((3..=5).contains(&receiver.got().len()), "{:?}", receiver.times());
    assert_eq!(did(&office, 1).await, [(Did::Dead, "not delivered within 1m: no answer in time".to_owned())]);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_any_more_is_dead_when_it_is_too_old() {
    let office = Office::open(vec![NotifierSettings { max_age: Duration::from_mins(1), ..at_once() }]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    lead.term.write(storage::Write::new().then(storage::Statement::new("UPDATE message SET body = ''"))).await.unwrap();
    let receiver = Receiver::default();
    let mut queue = queue(&office, &lead, &receiver);
    assert_eq!(queue.step().await, Step::At(STORAGE_PAUSE));
    assert_eq!((until_idle(&office, &mut queue).await, receiver.got().len()), (Step::Rest, 0));
    let error = Some("not delivered within 1m: never tried".to_owned());
    assert_eq!(office.desk.outbox().figures("ops"), Figures { pending: 0, oldest: None, dead: 1, error });
}

#[tokio::test]
async fn a_death_between_sending_and_remembering_repeats_one_message_with_the_same_identity() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    let receiver = Receiver::default();
    // The third message is sent, and the process dies before it could store that.
    let mut first = queue(&office, &lead, &receiver);
    for _ in 0..2 {
        assert_eq!(first.step().await, Step::On);
    }
    let Next::Try(number) = office.desk.next("ops") else { panic!("eight wait") };
    let message = tables::body(&office.desk.storage, number).await.unwrap().unwrap();
    let orders = office.desk.orders();
    first.deliver.deliver(&lead, &at_once(), &orders, &message).await;
    drop(first);
    let next = office.another(vec![at_once()]).await;
    let lead = next.lead().await;
    next.desk.recall(&lead).await.unwrap();
    until_idle(&next, &mut queue(&next, &lead, &receiver)).await;
    let identities: Vec<String> = receiver.got().into_iter().map(|(_, id)| id).collect();
    let once: std::collections::BTreeSet<&String> = identities.iter().collect();
    assert_eq!((identities.len(), once.len(), &identities[2]), (11, 10, &identities[3]));
}

#[tokio::test]
async fn a_leader_that_was_superseded_sends_on_at_most_one_message() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    let receiver = Receiver::default();
    let mut former = queue(&office, &lead, &receiver);
    for _ in 0..4 {
        assert_eq!(former.step().await, Step::On);
    }
    let next = office.another(vec![at_once()]).await;
    let lead = next.lead().await;
    next.desk.recall(&lead).await.unwrap();
    // The former one does not know yet: it sends once, and cannot store it.
    assert!(matches!(former.step().await, Step::At(_)));
    until_idle(&next, &mut queue(&next, &lead, &receiver)).await;
    let identities: Vec<String> = receiver.got().into_iter().map(|(_, id)| id).collect();
    let once: std::collections::BTreeSet<&String> = identities.iter().collect();
    assert_eq!((identities.len(), once.len()), (11, 10));
}

/// A receiver during whose answer two others have led, and this process takes a new number without knowing.
struct Intrigue(Receiver, Office);

impl Deliver for Intrigue {
    async fn deliver(&mut self, lead: &Lead, _: &NotifierSettings, _: &Orders, message: &Message) -> Outcome {
        let Self(receiver, office) = self;
        receiver.0.lock().unwrap_or_else(PoisonError::into_inner).got.push((0, message.id.clone()));
        if receiver.got().len() > 1 {
            return Outcome::Delivered;
        }
        let second = office.another(vec![at_once()]).await;
        let seconds = second.lead().await;
        second.desk.recall(&seconds).await.unwrap();
        until_idle(&second, &mut queue(&second, &seconds, &Receiver::default())).await;
        let third = office.another(vec![at_once()]).await;
        let thirds = third.lead().await;
        third.look(&thirds, 2, vec![seen_of("shop", 2)], &[]).await;
        third.announce(&thirds).await;
        let write = storage::Write::new().then(tables::delete(0));
        assert!(matches!(lead.term.write(write).await, Err(storage::Failure::Fenced { .. })));
        Outcome::Delivered
    }
}

#[tokio::test]
async fn what_became_of_a_message_is_not_said_of_another_that_has_its_number_since() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    let receiver = Receiver::default();
    let intrigue = Intrigue(receiver.clone(), office.another(vec![]).await);
    let mut queue = Queue::new(office.desk.clone(), lead, "ops".to_owned(), intrigue);
    assert_eq!(until_idle(&office, &mut queue).await, Step::Rest);
    let identities: Vec<String> = receiver.got().into_iter().map(|(_, id)| id).collect();
    let once: std::collections::BTreeSet<&String> = identities.iter().collect();
    assert_eq!((identities.len(), once.len(), office.desk.tally.of("ops").sent), (2, 2, 2));
}

#[tokio::test]
async fn a_queue_whose_notifier_is_off_or_rehearsed_ends() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    let receiver = Receiver::default();
    let mut queue = queue(&office, &lead, &receiver);
    let off = NotifierSettings { enabled: false, ..at_once() };
    for (dry_run, notifiers) in [(true, vec![at_once()]), (false, vec![off]), (false, vec![])] {
        office.desk.orders.send_replace(Arc::new(Orders { dry_run, notifiers, ..Orders::default() }));
        assert_eq!((queue.step().await, receiver.got().len()), (Step::Over, 0));
    }
}

#[tokio::test]
async fn messages_of_a_notifier_that_is_gone_go_too() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    ten(&office, &lead).await;
    office.desk.orders.send_replace(Arc::default());
    office.announce(&lead).await;
    assert_eq!(office.desk.outbox().figures("ops"), Figures::default());
    let next = office.another(vec![at_once()]).await;
    let lead = next.lead().await;
    next.announce(&lead).await;
    assert_eq!(next.desk.outbox().figures("ops").pending, 10);
}

#[tokio::test]
async fn nothing_is_told_in_a_rehearsal_and_all_of_it_after() {
    let office = Office::open(vec![at_once()]).await;
    let lead = office.lead().await;
    let orders = Orders { dry_run: true, notifiers: vec![at_once()], ..Orders::default() };
    office.desk.orders.send_replace(Arc::new(orders.clone()));
    ten(&office, &lead).await;
    assert_eq!(office.desk.outbox().figures("ops").pending, 0);
    office.desk.orders.send_replace(Arc::new(Orders { dry_run: false, ..orders }));
    office.announce(&lead).await;
    assert_eq!(office.desk.outbox().figures("ops").pending, 10);
}
