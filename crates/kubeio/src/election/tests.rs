//! Elections against a simulated cluster, in paused time.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use runtime::shutdown::Stopper;
use serde_json::json;
use simcluster::{Effect, Fault, Settings, SimCluster, SimService};
use tokio::time::{Instant, sleep};

use super::*;
use crate::fixture::{TokioClock, cluster_with, place, until};

const DURATION: Duration = Duration::from_secs(1);
const RENEW: Duration = Duration::from_millis(700);
const RETRY: Duration = Duration::from_millis(200);

/// A way to the server that can be cut: then requests hang, as when a network drops packets or a server is frozen.
#[derive(Clone)]
struct Gate {
    service: SimService,
    is_shut: Arc<AtomicBool>,
}

/// A clock that goes on while its process does not.
#[derive(Debug)]
struct JumpingClock {
    clock: Arc<TokioClock>,
    jumped: Mutex<Duration>,
}

struct Contender {
    election: Election,
    is_shut: Arc<AtomicBool>,
    clock: Arc<JumpingClock>,
    stopper: Stopper,
    metrics: Metrics,
}

impl tower::Service<Request<Body>> for Gate {
    type Response = Response<simcluster::Body>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.is_shut.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        self.service.call(request)
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic() + *self.jumped.lock().unwrap()
    }
}

impl Contender {
    fn enter(sim: &SimCluster, name: &str) -> Self {
        let is_shut = Arc::new(AtomicBool::new(false));
        let clock = Arc::new(JumpingClock { clock: TokioClock::new(), jumped: Mutex::default() });
        let metrics = Metrics::default();
        let gate = Gate { service: sim.service(), is_shut: Arc::clone(&is_shut) };
        let cluster = Cluster::over(gate, place(), Arc::clone(&clock) as Arc<dyn Clock>, &metrics);
        let settings = LeaderSettings { duration: DURATION, renew: RENEW, retry: RETRY, ..LeaderSettings::default() };
        let (stopper, stop) = Stop::channel();
        let candidate = Candidate { identity: identity(name, 7), address: format!("{name}:18080") };
        Self { election: Election::start(&cluster, &settings, candidate, stop), is_shut, clock, stopper, metrics }
    }

    fn leads(&self) -> bool {
        self.election.leading().is_some()
    }
}

/// Two candidates, the first of which leads.
async fn two(sim: &SimCluster) -> [Contender; 2] {
    let first = Contender::enter(sim, "first");
    until(|| first.leads()).await;
    let second = Contender::enter(sim, "second");
    until(|| matches!(second.election.leader(), LeaderView::Other { .. })).await;
    [first, second]
}

/// How long it takes until the second leads. There are never two.
async fn until_the_second_leads([first, second]: &[Contender; 2]) -> Duration {
    let began = Instant::now();
    until(|| {
        assert!(!(first.leads() && second.leads()), "two lead");
        second.leads()
    })
    .await;
    began.elapsed()
}

fn lease(sim: &SimCluster) -> serde_json::Value {
    sim.get("leases.coordination.k8s.io", "default", "keelwatch").unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_frees_the_lease_although_the_answer_to_its_last_renewal_was_lost() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let first = Contender::enter(&sim, "first");
    until(|| first.leads()).await;
    sim.set_faults(vec![Fault::new(Effect::ResetAfter(0)).on("update", "leases").times(1)]);
    until(|| sim.faults()[0].met == 1).await;
    first.stopper.stop();
    first.election.ended().await;
    assert_eq!(lease(&sim)["spec"]["holderIdentity"], "");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_leads_and_the_other_knows_where() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let [first, second] = two(&sim).await;
    sleep(Duration::from_secs(30)).await;
    let (holder, address) = (identity("first", 7), Some("first:18080".to_owned()));
    assert_eq!(
        (first.election.leader(), second.election.leader()),
        (LeaderView::Us, LeaderView::Other { holder: holder.clone(), address })
    );
    let lease = lease(&sim);
    assert_eq!(lease["spec"]["holderIdentity"], holder);
    assert_eq!(lease["metadata"]["labels"]["app.kubernetes.io/managed-by"], "keelwatch");
    assert_eq!((second.leads(), lease["spec"]["leaseDurationSeconds"].as_u64()), (false, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_vanishes_the_other_leads_within_duration_and_two_retries() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let both = two(&sim).await;
    both[0].is_shut.store(true, Ordering::Relaxed);
    let took = until_the_second_leads(&both).await;
    assert!(took <= DURATION + 2 * RETRY, "{took:?}");
    both[0].is_shut.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(5)).await;
    assert_eq!((both[0].leads(), both[1].leads()), (false, true));
}

#[tokio::test(start_paused = true)]
async fn a_leader_stops_writing_renew_after_its_last_success_when_the_server_is_frozen() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let leader = Contender::enter(&sim, "only");
    until(|| leader.leads()).await;
    let leading = leader.election.leading().unwrap();
    let mut seen = leader.election.subscribe();
    seen.mark_unchanged();
    sim.set_faults(vec![Fault::new(Effect::Stall)]);
    let began = Instant::now();
    seen.changed().await.unwrap();
    assert!(began.elapsed() <= RENEW + Duration::from_millis(10), "{:?}", began.elapsed());
    assert_eq!((leading.ensure(), leader.election.leader()), (Err(NotLeading), LeaderView::Nobody));
    sim.set_faults(Vec::new());
    until(|| leader.leads()).await;
    assert_eq!(leading.ensure(), Err(NotLeading), "the proof of an earlier term stays over");
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_hands_over_within_two_retries() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let both = two(&sim).await;
    both[0].stopper.stop();
    both[0].election.ended().await;
    assert_eq!(lease(&sim)["spec"]["holderIdentity"], "");
    let took = until_the_second_leads(&both).await;
    assert!(took <= 2 * RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_by_hand_is_made_again_while_writes_go_on() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let [first, second] = two(&sim).await;
    let leading = first.election.leading().unwrap();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/keelwatch";
    let gone = Request::delete(path).body(String::new()).unwrap();
    tower::ServiceExt::oneshot(sim.service(), gone).await.unwrap();
    assert_eq!(lease(&sim), json!(null));
    for _ in 0..500 {
        assert_eq!((leading.ensure(), second.leads()), (Ok(()), false));
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(lease(&sim)["spec"]["holderIdentity"], identity("first", 7));
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_the_first_write_is_refused_by_its_own_proof() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let leader = Contender::enter(&sim, "paused");
    until(|| leader.leads()).await;
    let leading = leader.election.leading().unwrap();
    *leader.clock.jumped.lock().unwrap() += Duration::from_secs(20);
    assert_eq!((leading.ensure(), leader.leads()), (Err(NotLeading), false));
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_the_server_does_not_matter() {
    for hours in [-1_000, 1_000] {
        let settings = Settings { clock_skew: SignedDuration::from_hours(hours), ..Settings::default() };
        let sim = cluster_with(SimCluster::builder().settings(settings), &[]).await;
        let both = two(&sim).await;
        both[0].is_shut.store(true, Ordering::Relaxed);
        let took = until_the_second_leads(&both).await;
        assert!(took <= DURATION + 2 * RETRY, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_takes_by_force_ends_the_proof() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let leader = Contender::enter(&sim, "first");
    until(|| leader.leads()).await;
    let mut taken = lease(&sim);
    taken["spec"]["holderIdentity"] = "an administrator".into();
    sim.put(taken).unwrap();
    until(|| !leader.leads()).await;
    until(|| leader.leads()).await;
}

#[tokio::test(start_paused = true)]
async fn leading_is_told_by_metrics() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let leader = Contender::enter(&sim, "only");
    until(|| leader.leads()).await;
    leader.stopper.stop();
    leader.election.ended().await;
    let mut registry = runtime::metrics::Registry::default();
    leader.metrics.register(&mut registry);
    let text = registry.encode(runtime::metrics::Format::Prometheus);
    let told = ["keelwatch_leader 0", "keelwatch_leader_transitions_total 2"].map(|line| text.contains(line));
    assert_eq!(told, [true, true], "{text}");
}

#[tokio::test(start_paused = true)]
async fn without_a_cluster_the_one_process_leads() {
    let election = Election::alone(TokioClock::new(), &Metrics::default());
    election.ended().await;
    assert_eq!((election.leader(), election.leading().unwrap().ensure()), (LeaderView::Us, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_leaves_nobody_leading() {
    let sim = cluster_with(SimCluster::builder(), &[]).await;
    let all = || "*".to_owned();
    sim.deny(vec![simcluster::Denied { verb: all(), resource: "leases".to_owned(), namespace: all() }]);
    let candidate = Contender::enter(&sim, "only");
    sleep(Duration::from_mins(1)).await;
    assert_eq!((candidate.leads(), candidate.election.leader()), (false, LeaderView::Nobody));
}

#[test]
fn an_identity_ends_in_a_random_uuid() {
    assert_eq!(identity("cart-0", 0), "cart-0_00000000-0000-4000-8000-000000000000");
    assert_eq!(identity("h", u128::MAX), "h_ffffffff-ffff-4fff-bfff-ffffffffffff");
}
