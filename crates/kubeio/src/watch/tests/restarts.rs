//! Why a watch is opened again, and from where; and a server whose history went back.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::scripted::{Ending, Script, Scripted, bookmark, modified};
use crate::fixture::until;

/// A watch that ends in this way after an event at version 7, and goes on with another at 8.
#[track_caller]
fn goes_on_after(script: Script, reason: &'static str) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let goes_on = Script(vec![modified("a", 8)], Ending::Silence);
        let server = Scripted::start(5, &[("a", 5)], vec![script, goes_on]);
        until(|| server.known.maps() == ["a=8"]).await;
        let expected = (["list", "watch 5", "watch 7"].map(str::to_owned).to_vec(), vec![format!("{reason} 1")]);
        assert_eq!((server.asked(), server.restarts()), expected, "at {caller}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_the_server_ends_goes_on_from_the_last_version() {
    goes_on_after(Script(vec![modified("a", 7)], Ending::Close), "ended").await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_connection_breaks_goes_on_from_the_last_version() {
    goes_on_after(Script(vec![modified("a", 7)], Ending::Break), "broken").await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_off_inside_a_line_goes_on_from_the_last_version() {
    goes_on_after(Script(vec![modified("a", 7)], Ending::Garble), "garbled").await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_a_line_that_is_no_event_goes_on_from_the_last_version() {
    let lines = vec![modified("a", 7), json!({"type": "BOGUS", "object": {}}), modified("a", 9)];
    goes_on_after(Script(lines, Ending::Silence), "garbled").await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_silent_goes_on_from_the_last_version() {
    goes_on_after(Script(vec![modified("a", 7)], Ending::Silence), "silent").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_in_two_watches_is_listed_because_its_history_may_have_gone_back() {
    let server = Scripted::start(100, &[("a", 90), ("b", 95)], vec![Script(Vec::new(), Ending::Break)]);
    until(|| server.known.has_heard("listed Paged")).await;
    server.restore(40, &[("a", 30)]);
    until(|| server.known.maps() == ["a=30"]).await;
    until(|| server.asked().len() == 6).await;
    assert_eq!(server.asked(), ["list", "watch 100", "watch 100", "watch 100", "list", "watch 40"]);
    assert!(server.known.has_heard("listing Broken"));
    assert_eq!(server.restarts(), ["broken 1", "silent 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_below_the_one_that_a_watch_was_opened_at_means_a_list() {
    let told = |line| Script(vec![line], Ending::Silence);
    for line in [bookmark(41), modified("a", 41)] {
        let server = Scripted::start(100, &[("a", 90)], vec![Script(Vec::new(), Ending::Close), told(line)]);
        until(|| server.known.has_heard("listed Paged")).await;
        server.restore(42, &[("a", 41)]);
        until(|| server.asked().len() == 5).await;
        assert_eq!(server.asked(), ["list", "watch 100", "watch 100", "list", "watch 42"]);
        assert_eq!(server.known.maps(), ["a=41"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_sends_bookmarks_is_listed_ever_more_rarely() {
    let server = Scripted::start(100, &[("a", 90)], Vec::new());
    sleep(Duration::from_hours(24)).await;
    let lists = server.asked().iter().filter(|asked| *asked == "list").count();
    assert!((10..=30).contains(&lists), "{lists} lists in a day");
}

#[tokio::test(start_paused = true)]
async fn bookmarks_alone_cost_no_list() {
    let scripts = (0..50).map(|at| Script(vec![bookmark(100 + at)], Ending::Silence)).collect();
    let server = Scripted::start(100, &[("a", 90)], scripts);
    sleep(Duration::from_hours(2)).await;
    let lists = server.asked().iter().filter(|asked| *asked == "list").count();
    assert_eq!(lists, 1);
}
