//! Tokens of a cluster, by a cluster of one user.

use std::sync::Mutex;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_core::future::BoxFuture;
use runtime::clock::ManualClock;

use super::*;
use crate::Fault;

/// Knows the token `good`, whose holder may read `/api`.
#[derive(Debug, Default)]
struct Cluster {
    is_away: Mutex<bool>,
    asked: Mutex<Vec<String>>,
}

impl Cluster {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn answer<T: Send + 'static>(&self, asked: String, answer: T) -> BoxFuture<'_, Result<T, Unavailable>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.asked.lock().unwrap().push(asked);
            if *self.is_away.lock().unwrap() { Err(Unavailable("refused".to_owned())) } else { Ok(answer) }
        })
    }
}

impl Reviewer for Cluster {
    fn who<'a>(
        &'a self,
        token: &'a str,
        audiences: &'a [String],
    ) -> BoxFuture<'a, Result<Option<Caller>, Unavailable>> {
        let caller = Caller { user: "shop:scraper".to_owned(), ..Caller::default() };
        self.answer(format!("who {audiences:?}"), (token == good()).then_some(caller))
    }

    fn may<'a>(&'a self, caller: &'a Caller, verb: Verb, path: &'a str) -> BoxFuture<'a, Result<Verdict, Unavailable>> {
        let no = Verdict::No { reason: "no rule".to_owned() };
        let verdict = if (verb, path) == (Verb::Get, "/api") { Verdict::Yes } else { no };
        self.answer(format!("may {} {} {path}", caller.user, verb.as_str()), verdict)
    }
}

fn jwt(claims: &str) -> String {
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims))
}

fn good() -> String {
    jwt(r#"{"sub":"shop:scraper"}"#)
}

fn review(settings: &KubernetesAuthSettings) -> (Arc<Cluster>, Arc<ManualClock>, Review) {
    let (cluster, clock) = (Arc::new(Cluster::default()), Arc::new(ManualClock::default()));
    let review = Review::new(settings, &(clock.clone() as Arc<dyn Clock>));
    review.ask(cluster.clone());
    (cluster, clock, review)
}

async fn get(review: &Review, token: &str, path: &str) -> Result<(), Refusal> {
    review.decide(token.as_bytes(), &Method::GET, path).await.map(drop)
}

const WHO: &str = "who []";
const MAY: &str = "may shop:scraper get /api";

#[tokio::test]
async fn a_yes_is_remembered_for_the_time_of_the_settings() {
    let (cluster, clock, review) = review(&KubernetesAuthSettings::default());
    assert_eq!(get(&review, &good(), "/api").await, Ok(()));
    assert_eq!(cluster.asked(), [WHO, MAY]);
    clock.advance(Duration::from_secs(59));
    assert_eq!(get(&review, &good(), "/api").await, Ok(()));
    assert_eq!(cluster.asked(), [""; 0]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(get(&review, &good(), "/api").await, Ok(()));
    assert_eq!(cluster.asked(), [WHO, MAY]);
}

#[tokio::test]
async fn a_no_is_remembered_for_ten_seconds() {
    let (cluster, clock, review) = review(&KubernetesAuthSettings::default());
    let denied = Refusal::Denied { user: "shop:scraper".to_owned(), reason: "no rule".to_owned() };
    for asked in [vec![WHO, "may shop:scraper get /a b"], vec![]] {
        assert_eq!(get(&review, &good(), "/a%20b").await, Err(denied.clone()));
        assert_eq!(cluster.asked(), asked);
    }
    assert_eq!(get(&review, &jwt("{}"), "/api").await, Err(Refusal::Unknown));
    clock.advance(Duration::from_secs(10));
    assert_eq!(get(&review, &jwt("{}"), "/api").await, Err(Refusal::Unknown));
    assert_eq!(cluster.asked(), [WHO, WHO]);
    let fault = Fault::from(denied);
    assert_eq!(fault, Fault::forbidden("`shop:scraper` may not do this: no rule"));
}

#[tokio::test]
async fn a_verdict_on_a_path_that_no_route_has_fills_no_memory() {
    let (cluster, _clock, review) = review(&KubernetesAuthSettings::default());
    let path = format!("/{}", "x".repeat(REMEMBERED_PATH));
    for asked in [vec![WHO.to_owned()], vec![]] {
        get(&review, &good(), &path).await.unwrap_err();
        assert_eq!(cluster.asked(), [asked, vec![format!("may shop:scraper get {path}")]].concat());
    }
}

#[tokio::test]
async fn a_token_that_was_good_once_is_told_apart() {
    let (_cluster, _clock, review) = review(&KubernetesAuthSettings::default());
    assert_eq!(get(&review, &jwt(r#"{"exp":1}"#), "/api").await, Err(Refusal::Expired));
}

#[tokio::test]
async fn the_same_question_at_the_same_time_is_asked_once() {
    let (cluster, _clock, review) = review(&KubernetesAuthSettings::default());
    let good = good();
    let both = tokio::join!(get(&review, &good, "/api"), get(&review, &good, "/api"));
    assert_eq!((both, cluster.asked()), ((Ok(()), Ok(())), vec![WHO.to_owned(), MAY.to_owned()]));
}

#[tokio::test]
async fn a_cluster_that_is_away_is_503_and_asked_again() {
    let (cluster, _clock, review) = review(&KubernetesAuthSettings::default());
    *cluster.is_away.lock().unwrap() = true;
    let refusal = get(&review, &good(), "/api").await.unwrap_err();
    assert_eq!(refusal.reason(), crate::metrics::AuthFailure::Unavailable);
    let fault = Fault::from(refusal);
    assert_eq!(fault.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8(fault.body()).unwrap().starts_with(r#"{"type":"auth-unavailable""#));
    *cluster.is_away.lock().unwrap() = false;
    assert_eq!(get(&review, &good(), "/api").await, Ok(()));
}

#[tokio::test]
async fn audiences_are_asked_for_and_a_change_forgets_what_was_answered_for_others() {
    let (cluster, _clock, review) = review(&KubernetesAuthSettings::default());
    get(&review, &good(), "/api").await.unwrap();
    cluster.asked();
    review.apply(&KubernetesAuthSettings { audiences: vec!["keelwatch".to_owned()], ..Default::default() });
    get(&review, &good(), "/api").await.unwrap();
    assert_eq!(cluster.asked(), ["who [\"keelwatch\"]", MAY]);
}

#[test]
fn tokens_of_a_cluster_are_taken_with_one_unless_the_settings_say_no() {
    let with = |enabled| KubernetesAuthSettings { enabled, ..KubernetesAuthSettings::default() };
    let is_on =
        [Switch::Auto, Switch::On, Switch::Off].map(|enabled| review(&with(enabled)).2.is_for(good().as_bytes()));
    assert_eq!(is_on, [true, true, false]);
    let alone = Review::new(&with(Switch::On), &(Arc::new(ManualClock::default()) as Arc<dyn Clock>));
    assert!(!alone.is_for(good().as_bytes()) && alone.lacks_a_cluster());
    assert!(!review(&with(Switch::Auto)).2.is_for(b"t0ken"));
}
