//! Watches against a simulated cluster, in paused time.

mod restarts;
mod scripted;

use std::time::Duration;

use runtime::metrics::{Format, Registry};
use runtime::probes::Check;
use simcluster::{Denied, Effect, Fault, Offer, Settings, SimCluster};
use tokio::time::{advance, sleep};

use super::*;
use crate::Metrics;
use crate::fixture::{Map, Watched, cluster_with, map, over, until};

const MAPS: &str = "configmaps";

fn older_server() -> simcluster::Builder {
    SimCluster::builder().settings(Settings { streaming_lists: Offer::Missing, ..Settings::default() })
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_first_and_changes_follow() {
    let sim = cluster_with(SimCluster::builder(), &["a", "b"]).await;
    let watched = Watched::synced(sim).await;
    assert_eq!(watched.known.told(), ["listing Start", "seen a=1", "seen b=1", "listed Streaming"]);
    watched.sim.put(map("b", "2")).unwrap();
    watched.knows(&["a=1", "b=2"]).await;
    assert_eq!((watched.known.told(), watched.watch.check()), (vec!["seen b=2".to_owned()], Check::Ok));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_stream_is_listed_page_by_page_without_a_version() {
    let sim = cluster_with(older_server(), &["a", "b", "c", "d", "e"]).await;
    let watched = Watched::start(sim, WatchSettings { page_size: 2, ..WatchSettings::default() });
    watched.knows(&["a=1", "b=1", "c=1", "d=1", "e=1"]).await;
    until(|| watched.known.has_heard("listed Paged")).await;
    let pages = watched.requests("list");
    let plain = pages.iter().filter(|page| page.query.contains("limit=2") && !page.query.contains("resourceVersion"));
    assert_eq!((pages.len(), plain.count()), (3, 3));
    watched.sim.put(map("f", "1")).unwrap();
    until(|| watched.known.has_heard("seen f=1")).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_silent_for_a_minute_is_taken_page_by_page() {
    let stalls = Fault::new(Effect::Stall).on("watch", MAPS).times(1);
    let sim = cluster_with(SimCluster::builder().faults(vec![stalls]), &["a"]).await;
    let watched = Watched::synced(sim).await;
    assert_eq!(watched.known.told(), ["listing Start", "seen a=1", "listed Paged"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_the_watch_was_away_is_gone_after_a_410() {
    let sim = cluster_with(SimCluster::builder(), &["a", "b", "c"]).await;
    let watched = Watched::synced(sim).await;
    watched.known.told();
    watched
        .sim
        .set_faults(vec![Fault::new(Effect::Status { code: 503, retry_after: None }).on("watch", MAPS).times(2)]);
    watched.sim.drop_watches();
    let gone = http::Request::delete("/api/v1/namespaces/default/configmaps/b").body(String::new()).unwrap();
    tower::ServiceExt::oneshot(watched.sim.service(), gone).await.unwrap();
    watched.sim.put(map("c", "2")).unwrap();
    watched.sim.expire_history();
    watched.knows(&["a=1", "c=2"]).await;
    assert_eq!(watched.known.told(), ["listing Expired", "seen a=1", "seen c=2", "listed Streaming"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drops_every_watch_each_second_costs_no_list() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    for round in 0..120 {
        watched.sim.put(map("a", &round.to_string())).unwrap();
        sleep(Duration::from_secs(1)).await;
        watched.sim.drop_watches();
    }
    watched.knows(&["a=119"]).await;
    assert_eq!(watched.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_expires_every_version_is_listed_every_30_s_at_most() {
    let expires = Fault::new(Effect::ExpireWatch).on("watch", MAPS);
    let settings = WatchSettings { list: List::Paged, ..WatchSettings::default() };
    let sim = cluster_with(SimCluster::builder().faults(vec![expires]), &["a"]).await;
    let watched = Watched::start(sim, settings);
    sleep(Duration::from_mins(10)).await;
    let lists = watched.lists();
    assert!((15..=22).contains(&lists), "{lists} lists in ten minutes");
    watched.sim.put(map("a", "2")).unwrap();
    watched.knows(&["a=2"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_when_to_come_back_is_asked_then() {
    let busy = Fault::new(Effect::Status { code: 429, retry_after: Some(100) });
    let sim = cluster_with(SimCluster::builder().faults(vec![busy]), &["a"]).await;
    let watched = Watched::start(sim, WatchSettings::default());
    sleep(Duration::from_secs(299)).await;
    assert_eq!(watched.sim.requests().len(), 3);
    watched.sim.set_faults(Vec::new());
    watched.knows(&["a=1"]).await;
}

#[tokio::test(start_paused = true)]
async fn watches_that_are_refused_do_not_become_lists() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    watched.sim.set_faults(vec![Fault::new(Effect::Status { code: 503, retry_after: None })]);
    watched.sim.drop_watches();
    sleep(Duration::from_mins(5)).await;
    let age = watched.watch.freshness().age.unwrap();
    assert!((watched.lists(), age > Duration::from_secs(290)) == (1, true), "{} lists, age {age:?}", watched.lists());
    assert!(watched.sim.requests().len() < 60);
    watched.sim.set_faults(Vec::new());
    watched.sim.put(map("a", "2")).unwrap();
    watched.knows(&["a=2"]).await;
    assert_eq!((watched.lists(), watched.watch.check()), (1, Check::Ok));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_not_understood_is_skipped_in_a_page_and_in_a_watch() {
    let odd = Fault::new(Effect::UndecodableItem).on("list", MAPS);
    let sim = cluster_with(older_server().faults(vec![odd]), &["a", "b", "c"]).await;
    let watched = Watched::synced(sim).await;
    assert_eq!(watched.known.told(), ["listing Start", "unreadable default/a", "seen b=1", "seen c=1", "listed Paged"]);
    watched.sim.set_faults(vec![Fault::new(Effect::UndecodableItem).on("watch", MAPS)]);
    watched.sim.drop_watches();
    watched.sim.put(map("b", "2")).unwrap();
    until(|| watched.known.has_heard("unreadable default/b")).await;
    watched.sim.set_faults(Vec::new());
    watched.sim.drop_watches();
    watched.sim.put(map("c", "2")).unwrap();
    until(|| watched.known.has_heard("seen c=2")).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_takes_nothing_away() {
    let sim = cluster_with(older_server(), &["a", "b", "c"]).await;
    let watched = Watched::synced(sim).await;
    watched.known.told();
    let breaks = Fault::new(Effect::MalformedJson).on("list", MAPS).times(1);
    watched.sim.set_faults(vec![Fault::new(Effect::ExpireWatch).on("watch", MAPS).times(2), breaks]);
    watched.sim.drop_watches();
    until(|| matches!(watched.watch.check(), Check::Warn(_))).await;
    assert_eq!(watched.known.maps(), ["a=1", "b=1", "c=1"]);
    until(|| watched.known.has_heard("listed Paged")).await;
    assert_eq!(watched.known.maps().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_no_event_has_the_watch_opened_again() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    watched.sim.set_faults(vec![Fault::new(Effect::MalformedJson).on("watch", MAPS).times(3)]);
    watched.sim.drop_watches();
    for value in ["2", "3", "4"] {
        watched.sim.put(map("a", value)).unwrap();
        sleep(Duration::from_secs(40)).await;
    }
    watched.knows(&["a=4"]).await;
    assert_eq!(watched.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_begins_the_list_again_with_twice_the_page() {
    let expires = Fault::new(Effect::ExpireContinue).on("list", MAPS).times(2);
    let sim = cluster_with(older_server().faults(vec![expires]), &["a", "b", "c", "d", "e"]).await;
    let watched = Watched::start(sim, WatchSettings { page_size: 1, ..WatchSettings::default() });
    until(|| watched.known.has_heard("listed Paged")).await;
    let told = watched.known.told();
    assert_eq!(told.iter().filter(|told| *told == "list failed").count(), 2);
    let sizes = watched.requests("list").into_iter().filter(|page| !page.query.contains("continue"));
    let sizes: Vec<String> = sizes.map(|page| page.query.replace("limit=", "")).collect();
    assert_eq!((sizes, watched.known.maps().len()), (["1", "2", "4"].map(str::to_owned).to_vec(), 5));
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_said_and_found_when_it_is_given() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let all = || "*".to_owned();
    sim.deny(vec![Denied { verb: all(), resource: MAPS.to_owned(), namespace: all() }]);
    let watched = Watched::start(sim, WatchSettings::default());
    until(|| matches!(watched.watch.check(), Check::Warn(why) if why.contains("403 Forbidden"))).await;
    sleep(Duration::from_mins(5)).await;
    assert!(watched.sim.requests().len() <= 10);
    watched.sim.deny(Vec::new());
    watched.knows(&["a=1"]).await;
    assert_eq!(watched.watch.check(), Check::Ok);
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_asked_for_are_a_minute_apart() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    for _ in 0..180 {
        watched.watch.relist();
        sleep(Duration::from_secs(1)).await;
    }
    assert!(watched.known.has_heard("listing Settings"));
    assert!((3..=5).contains(&watched.lists()), "{} lists in three minutes", watched.lists());
}

#[tokio::test(start_paused = true)]
async fn bookmarks_keep_what_is_known_fresh_and_the_version_current() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    let before = watched.watch.freshness();
    watched.sim.put(serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}})).unwrap();
    advance(Duration::from_mins(5)).await;
    sleep(Duration::from_secs(70)).await;
    let after = watched.watch.freshness();
    assert_ne!(before.version, after.version);
    assert!(after.age.unwrap() <= Duration::from_secs(70), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_ages_and_restarts_are_counted() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    sleep(Duration::from_secs(5)).await;
    watched.sim.drop_watches();
    sleep(Duration::from_secs(5)).await;
    let mut registry = Registry::default();
    watched.metrics.register(&mut registry);
    let text = registry.encode(Format::OpenMetrics);
    for line in [
        r#"keelwatch_kube_requests_total{verb="watch",resource="configmaps",code="200"} 2"#,
        r#"keelwatch_kube_watch_age_seconds{resource="configmaps"} 10"#,
        r#"keelwatch_kube_watch_restarts_total{resource="configmaps",reason="ended"} 1"#,
        r#"keelwatch_kube_watch_restarts_total{resource="configmaps",reason="expired"} 0"#,
        "keelwatch_leader 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(watched.sim.requests().iter().all(|request| request.user_agent.starts_with("keelwatch/")));
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_it_is_asked_to_and_says_so() {
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let watched = Watched::synced(sim).await;
    watched.stopper.stop();
    until(|| matches!(watched.watch.check(), Check::Fail(_))).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_observer_panics_says_that_it_has_ended() {
    struct Panics;
    impl Observer<Map> for Panics {
        fn observe(&mut self, _: Vec<Event<Map>>) {
            panic!("as an observer never should");
        }
    }
    let sim = cluster_with(SimCluster::builder(), &["a"]).await;
    let (_stopper, stop) = Stop::channel();
    let cluster = over(&sim, &Metrics::default());
    let watch = watch::<Map>(&cluster, Scope::default(), WatchSettings::default(), Panics, stop);
    until(|| watch.check() == Check::Fail("the watch of configmaps has ended".to_owned())).await;
}
