//! `GET /api/v1/pods/watch`.

use futures_util::StreamExt as _;

use super::*;

/// A client that listens.
struct Client {
    body: axum::body::BodyDataStream,
    text: String,
}

/// Name, id and name of the pod of an event.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    event: String,
    id: Option<String>,
    pod: String,
}

impl Client {
    async fn new(process: &Process, query: &str, last: Option<&str>) -> Self {
        let mut request = asking(Method::GET, &format!("/api/v1/pods/watch?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = process.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(heard(&event));
            }
            let piece = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// `added a` and so on, up to `synced`, `lag` or the number of events.
    async fn words(&mut self, number: usize) -> Vec<String> {
        let mut words = Vec::new();
        while words.len() < number {
            let Some(heard) = self.next().await else { break };
            words.push(format!("{} {}", heard.event, heard.pod).trim_end().to_owned());
        }
        words
    }
}

fn heard(text: &str) -> Heard {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let data: serde_json::Value = serde_json::from_str(&field("data: ").unwrap_or_default()).unwrap();
    let pod = data["name"].as_str().unwrap_or_default().to_owned();
    Heard { event: field("event: ").unwrap(), id: field("id: "), pod }
}

#[tokio::test]
async fn a_stream_begins_with_all_pods_and_goes_on_with_changes() {
    let process = Process::with([pod("a", "a"), pod("b", "b").label("app", "x")]);
    let mut client = Client::new(&process, "", None).await;
    assert_eq!(client.words(3).await, ["added a", "added b", "synced"]);
    process.seen(pod("c", "c"));
    process.seen(pod("a", "a").phase("Failed"));
    process.seen(pod("a", "a").phase("Failed"));
    process.gone(pod("b", "b"));
    assert_eq!(client.words(3).await, ["added c", "modified a", "deleted b"]);
}

#[tokio::test]
async fn without_an_initial_set_only_changes_are_told() {
    let process = Process::with([pod("a", "a")]);
    let mut client = Client::new(&process, "initial=false", None).await;
    assert_eq!(client.words(1).await, ["synced"]);
    process.gone(pod("a", "a"));
    assert_eq!(client.words(1).await, ["deleted a"]);
}

#[tokio::test]
async fn a_pod_that_comes_to_match_is_added_and_one_that_ceases_to_is_deleted() {
    let process = Process::with([pod("a", "a").label("app", "x"), pod("b", "b")]);
    let mut client = Client::new(&process, "labelSelector=app%3Dx&namespace=shop", None).await;
    assert_eq!(client.words(2).await, ["added a", "synced"]);
    process.seen(pod("b", "b").label("app", "x"));
    process.seen(pod("a", "a").label("app", "y"));
    process.seen(pod("a", "a").label("app", "z"));
    process.seen(pod("b", "b").label("app", "x").phase("Failed"));
    process.seen(pod("c", "c").namespace("other").label("app", "x"));
    process.gone(pod("b", "b").label("app", "x"));
    assert_eq!(client.words(4).await, ["added b", "deleted a", "modified b", "deleted b"]);
}

#[tokio::test]
async fn who_comes_back_hears_what_was_missed() {
    let process = Process::with([pod("a", "a"), pod("b", "b"), pod("c", "c")]);
    let mut client = Client::new(&process, "", None).await;
    client.words(3).await;
    let synced = client.next().await.unwrap();
    drop(client);
    process.seen(pod("a", "a").phase("Failed"));
    process.gone(pod("b", "b"));
    process.seen(pod("d", "d"));
    process.seen(pod("e", "e"));
    process.gone(pod("e", "e"));
    let mut back = Client::new(&process, "", synced.id.as_deref()).await;
    let mut told = [back.next().await.unwrap(), back.next().await.unwrap(), back.next().await.unwrap()];
    let last = told[2].id.take();
    assert_eq!(told.map(|heard| format!("{} {}", heard.event, heard.pod)), ["modified a", "deleted b", "added d"]);
    process.seen(pod("f", "f"));
    assert_eq!(back.words(1).await, ["added f"]);
    let mut again = Client::new(&process, "", last.as_deref()).await;
    assert_eq!(again.words(1).await, ["added f"]);
}

#[tokio::test]
async fn who_comes_back_too_late_begins_anew() {
    let settings = Settings { watch_history: 2, ..Settings::default() };
    let process = Process::new(&settings);
    process.list([pod("a", "a")]);
    let mut client = Client::new(&process, "", None).await;
    client.words(1).await;
    let old = client.next().await.unwrap().id;
    for phase in ["Pending", "Running", "Failed"] {
        process.seen(pod("a", "a").phase(phase));
    }
    for id in [old.as_deref(), Some("other-1"), Some("nonsense")] {
        let mut back = Client::new(&process, "", id).await;
        assert_eq!(back.words(3).await, ["reset", "added a", "synced"]);
    }
}

#[tokio::test]
async fn a_deletion_that_is_forgotten_begins_anew() {
    let settings = Settings { tombstones: Duration::ZERO, ..Settings::default() };
    let process = Process::new(&settings);
    process.list([pod("a", "a"), pod("b", "b")]);
    let mut client = Client::new(&process, "", None).await;
    client.words(2).await;
    let id = client.next().await.unwrap().id;
    process.gone(pod("b", "b"));
    let mut back = Client::new(&process, "", id.as_deref()).await;
    assert_eq!(back.words(3).await, ["reset", "added a", "synced"]);
}

#[tokio::test]
async fn a_slow_listener_is_told_so_and_others_lose_nothing() {
    let process = Process::with([pod("p", "p").namespace("a")]);
    let mut slow = Client::new(&process, "namespace=a", None).await;
    let mut other = Client::new(&process, "namespace=a", None).await;
    assert_eq!(slow.words(2).await.len() + other.words(2).await.len(), 4);
    for change in 0..2000 {
        process.seen(pod("p", "p").namespace("a").label("change", &change.to_string()));
        assert_eq!(other.words(1).await, ["modified p"]);
    }
    let words = slow.words(usize::MAX).await;
    assert_eq!((words.len(), words.last().map(String::as_str)), (1025, Some("lag")));
    let dropped = process.pods.read(|state| (state.feed.dropped().lag, state.feed.subscribers()));
    assert_eq!(dropped, (1, 1));
}

#[tokio::test]
async fn a_stream_too_many_is_refused() {
    let settings = Settings { watch_subscribers: 1, ..Settings::default() };
    let process = Process::new(&settings);
    process.list([]);
    let client = Client::new(&process, "", None).await;
    let answer = process.get("/api/v1/pods/watch").await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "5"));
    drop(client);
    Client::new(&process, "", None).await;
}

#[tokio::test]
async fn changes_while_the_initial_set_is_told_are_told_once() {
    let of = |at: usize| pod(&format!("p-{at:04}"), &format!("u-{at:04}"));
    let process = Process::with((0..1000).map(of));
    let mut client = Client::new(&process, "", None).await;
    let mut state = std::collections::BTreeMap::new();
    let mut changed = 0;
    loop {
        let heard = client.next().await.unwrap();
        match heard.event.as_str() {
            "added" => assert_eq!(state.insert(heard.pod.clone(), "there"), None, "{}", heard.pod),
            "modified" => assert!(state.contains_key(&heard.pod), "{}", heard.pod),
            "deleted" => assert!(state.remove(&heard.pod).is_some(), "{}", heard.pod),
            // What has changed since the last piece was read comes behind.
            "synced" => process.seen(pod("the-end", "the-end")),
            other => panic!("{other}"),
        }
        if heard.pod == "the-end" {
            break;
        }
        changed += 1;
        if changed % 100 == 0 {
            // Before, at and behind the place that has been read.
            process.seen(of(changed / 2).phase("Failed"));
            process.gone(of(changed / 2 + 1));
            process.gone(of(999 - changed / 4));
            process.seen(of(1000 + changed));
        }
    }
    let all = |known: &crate::pods::State| known.index.live().map(|view| view.name().to_owned()).collect();
    let exists: std::collections::BTreeSet<String> = process.pods.read(all);
    assert!(state.into_keys().eq(exists), "the client knows something else than the index");
}
