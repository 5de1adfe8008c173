//! One server is told everything, whatever happens to another.

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::notify::fixture::{Office, alertmanager, seen};

/// A server that answers with this status; remembers how many alerts each POST had, and all of them.
#[derive(Clone)]
struct Server {
    status: Arc<Mutex<StatusCode>>,
    posts: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl Server {
    async fn start(status: StatusCode) -> (String, Self) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { status: Arc::new(Mutex::new(status)), posts: Arc::default() };
        let server = this.clone();
        let taken = move |Json(alerts): Json<Vec<Value>>| {
            let server = server.clone();
            async move {
                server.posts.lock().unwrap_or_else(PoisonError::into_inner).push(alerts);
                *server.status.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        let router = Router::new().route("/api/v2/alerts", post(taken));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, this)
    }

    fn answers(&self, status: StatusCode) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// How many alerts each POST had since the last time.
    fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.take().iter().map(Vec::len).collect();
        sizes.sort_unstable();
        sizes
    }

    fn take(&self) -> Vec<Vec<Value>> {
        std::mem::take(&mut *self.posts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn tower(office: &Office, lead: &Lead, place: usize, url: &str) -> Tower {
    Tower::new(office.desk.clone(), lead.clone(), "ops".to_owned(), (place, url.to_owned()))
}

#[tokio::test]
async fn alerts_are_told_at_once_again_each_minute_and_once_more_when_they_end() {
    let (url, server) = Server::start(StatusCode::OK).await;
    let office = Office::open(vec![NotifierSettings { urls: vec![url.clone()], ..alertmanager() }]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, (0..600).map(seen).collect(), &[]).await;
    let mut tower = tower(&office, &lead, 0, &url);
    tower.round().await;
    assert_eq!(server.sizes(), [88, 256, 256]);
    office.advance(30);
    tower.round().await;
    assert_eq!(server.sizes(), [0; 0]);
    office.advance(30);
    tower.round().await;
    assert_eq!(server.sizes(), [88, 256, 256]);
    office.advance(1);
    office.look(&lead, 2, vec![], &(1..600).collect::<Vec<_>>()).await;
    office.look(&lead, 3, vec![], &[0]).await;
    tower.round().await;
    let ended: Vec<Value> = server.take().concat();
    let at = serde_json::json!(crate::notify::fixture::at(61));
    assert_eq!((ended.len(), ended.iter().all(|alert| alert["endsAt"] == at)), (600, true));
    office.advance(300);
    tower.round().await;
    assert_eq!(server.sizes(), [0; 0]);
}

#[tokio::test]
async fn one_server_that_is_down_is_told_later_and_the_other_at_once() {
    let (up_url, up) = Server::start(StatusCode::OK).await;
    let (down_url, down) = Server::start(StatusCode::BAD_GATEWAY).await;
    let urls = vec![down_url.clone(), up_url.clone()];
    let office = Office::open(vec![NotifierSettings { urls, ..alertmanager() }]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    let (mut first, mut second) = (tower(&office, &lead, 0, &down_url), tower(&office, &lead, 1, &up_url));
    let Round::At(again) = first.round().await else { panic!("it is tried again") };
    second.round().await;
    assert_eq!((down.sizes(), up.sizes()), (vec![1], vec![1]));
    let backlog = office.desk.tally.backlog("ops");
    assert_eq!((backlog.untold, backlog.error.as_deref()), (1, Some("answer 502")));
    first.round().await;
    assert_eq!(down.sizes(), [0; 0]);
    down.answers(StatusCode::OK);
    office.clock.advance(again);
    first.round().await;
    assert_eq!((down.sizes(), office.desk.tally.backlog("ops")), (vec![1], Backlog::default()));
}

#[tokio::test]
async fn what_is_refused_is_not_told_again_within_the_minute_and_shown() {
    let (url, server) = Server::start(StatusCode::BAD_REQUEST).await;
    let office = Office::open(vec![NotifierSettings { urls: vec![url.clone()], ..alertmanager() }]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    let mut tower = tower(&office, &lead, 0, &url);
    tower.round().await;
    tower.round().await;
    let error = office.desk.tally.backlog("ops").error;
    assert_eq!((server.sizes(), office.desk.tally.of("ops").dead, error.as_deref()), (vec![1], 1, Some("answer 400")));
}

#[tokio::test]
async fn a_server_that_is_no_longer_listed_is_told_nothing() {
    let (url, server) = Server::start(StatusCode::OK).await;
    let office = Office::open(vec![alertmanager()]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    assert_eq!(tower(&office, &lead, 0, &url).round().await, Round::Over);
    assert_eq!(server.sizes(), [0; 0]);
}
