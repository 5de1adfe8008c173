//! Real receivers on loopback: what they are sent, and what becomes of their answers.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::fixture::{Office, alertmanager, notifier, seen, seen_of};
use super::queue::{Queue, Step};
use super::settings::{NotifierKind, NotifierSettings};
use super::*;

/// A request as it came in.
#[derive(Debug)]
struct Received {
    head: String,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ str| line.to_lowercase().starts_with(&format!("{name}: "));
        self.head.lines().find(|head| line(head)).and_then(|head| head.split_once(": ")).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver that gives each request the next of these answers, raw, and then says no more.
async fn receiver(answers: Vec<String>) -> (String, mpsc::UnboundedReceiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, received) = mpsc::unbounded_channel();
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (told, answers) = (told.clone(), answers.clone());
            tokio::spawn(async move {
                while let Some(request) = request(&mut stream).await {
                    told.send(request).unwrap();
                    let answer = answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(answer) = answer else { std::future::pending().await };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, received)
}

async fn request(stream: &mut tokio::net::TcpStream) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut received = Received { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    received.body = vec![0; received.header("content-length").unwrap_or("0").parse().unwrap()];
    stream.read_exact(&mut received.body).await.ok()?;
    Some(received)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn at_once(kind: NotifierKind, url: &str) -> NotifierSettings {
    NotifierSettings { url: url.to_owned(), group_wait: Duration::ZERO, ..notifier(kind) }
}

/// An office with one message in its outbox, and the queue that sends it.
async fn one_message(settings: NotifierSettings) -> (Office, Queue<Sender>) {
    let office = Office::open(vec![settings]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    let queue = Queue::new(office.desk.clone(), lead, "ops".to_owned(), Sender::new(&office.desk));
    (office, queue)
}

/// One attempt; then how many messages wait and are dead, and why the last failed.
async fn attempt(office: &Office, queue: &mut Queue<Sender>) -> (u64, u64, Option<String>) {
    assert_eq!(queue.step().await, Step::On);
    let figures = office.desk.outbox().figures("ops");
    (figures.pending, figures.dead, figures.error)
}

fn secret(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().display().to_string();
    (file, path)
}

#[tokio::test]
async fn a_webhook_gets_json_that_is_signed_and_can_be_told_apart() {
    let (url, mut received) = receiver(vec![answer("500 Oops", ""), answer("204 No Content", "")]).await;
    let (_file, secret_file) = secret("s3cret\n");
    let (_token, token_file) = secret("t0ken\n");
    let settings = NotifierSettings { secret_file, token_file, ..at_once(NotifierKind::Webhook, &url) };
    let (office, mut queue) = one_message(settings).await;
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some("answer 500".to_owned())));
    office.advance(10);
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    let (first, second) = (received.recv().await.unwrap(), received.recv().await.unwrap());
    assert!(first.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", first.head);
    assert_eq!(first.header("idempotency-key"), second.header("idempotency-key"));
    assert_eq!(first.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    for (request, seconds) in [(&first, 0), (&second, 10)] {
        let timestamp = jiff::Timestamp::from(fixture::at(seconds)).as_second();
        let signature = sign::webhook("s3cret", timestamp, &request.body);
        assert_eq!(request.header("keelwatch-signature"), Some(signature.as_str()));
        let body = request.json();
        assert_eq!((&body["event"], request.header("keelwatch-event")), (&json!("opened"), Some("opened")));
        assert_eq!((body["id"].as_str(), &body["more"]), (request.header("idempotency-key"), &json!(0)));
        assert_eq!(body["group"], json!({"source": "process", "namespace": "ns-shop", "app": "cart"}));
        assert_eq!(body["findings"][0]["fingerprint"], json!(fixture::fingerprint(1)));
        assert_eq!(body["sent_at"], json!(fixture::at(seconds)));
    }
}

#[tokio::test]
async fn a_template_makes_the_body_of_a_webhook() {
    let (url, mut received) = receiver(vec![answer("200 OK", "ok")]).await;
    let template = r#"{"text": "{{ findings[0].title }} in {{ group.namespace }}/{{ group.app }}"}"#.to_owned();
    let (office, mut queue) = one_message(NotifierSettings { template, ..at_once(NotifierKind::Webhook, &url) }).await;
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    assert_eq!(received.recv().await.unwrap().json(), json!({"text": "xmrig runs in ns-shop/cart"}));
}

#[tokio::test]
async fn a_lark_bot_is_believed_by_its_code() {
    let busy = answer("200 OK", r#"{"code":11232,"msg":"frequency limited"}"#);
    let garbage = answer("200 OK", "<html>");
    let good = answer("200 OK", r#"{"code":0,"msg":"success"}"#);
    let (url, mut received) = receiver(vec![busy, garbage, good]).await;
    let (file, secret_file) = secret("s3cret");
    let (_address, url_file) = secret(&format!("{url}/t0ken"));
    let settings = NotifierSettings { url: String::new(), url_file, secret_file, ..at_once(NotifierKind::Lark, &url) };
    let (office, mut queue) = one_message(settings).await;
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some("code 11232: frequency limited".to_owned())));
    office.advance(30);
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some("the answer is not understood".to_owned())));
    std::fs::write(file.path(), "other\n").unwrap();
    office.advance(30);
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    for (seconds, secret) in [(0, "s3cret"), (30, "s3cret"), (60, "other")] {
        let request = received.recv().await.unwrap();
        let timestamp = jiff::Timestamp::from(fixture::at(seconds)).as_second();
        let body = request.json();
        assert_eq!(body["timestamp"], json!(timestamp.to_string()));
        assert_eq!(body["sign"], json!(sign::lark(secret, timestamp)));
        assert_eq!((&body["msg_type"], request.head.starts_with("POST /hook/t0ken ")), (&json!("interactive"), true));
    }
}

#[tokio::test]
async fn what_a_lark_bot_refuses_is_dead_and_shown() {
    for (body, why) in [
        (r#"{"code":9499,"msg":"Bad Request"}"#, "code 9499: Bad Request"),
        (
            r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}"#,
            "code 19021: sign match fail or timestamp is not within one hour",
        ),
    ] {
        let (url, _received) = receiver(vec![answer("200 OK", body)]).await;
        let (office, mut queue) = one_message(at_once(NotifierKind::Lark, &url)).await;
        assert_eq!(attempt(&office, &mut queue).await, (0, 1, Some(why.to_owned())));
        let view = &view::messages(&office.desk)[0];
        assert_eq!((view.dead, view.last_error.as_deref()), (1, Some(why)));
    }
}

#[tokio::test]
async fn a_receiver_says_when_it_may_be_asked_again() {
    let (url, _received) = receiver(vec![answer("429 Too Many Requests\r\nretry-after: 120", "")]).await;
    let (office, mut queue) = one_message(at_once(NotifierKind::Webhook, &url)).await;
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some("answer 429".to_owned())));
    assert_eq!(queue.step().await, Step::At(Duration::from_mins(2)));
}

#[tokio::test]
async fn a_receiver_that_hangs_is_given_up_in_time() {
    let (url, _received) = receiver(vec![]).await;
    let timeout = Duration::from_millis(50);
    let (office, mut queue) = one_message(NotifierSettings { timeout, ..at_once(NotifierKind::Webhook, &url) }).await;
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some("no answer in time".to_owned())));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (other, mut never) = receiver(vec![answer("200 OK", "")]).await;
    let (url, _received) = receiver(vec![answer(&format!("307 Temporary Redirect\r\nlocation: {other}"), "")]).await;
    let (office, mut queue) = one_message(at_once(NotifierKind::Webhook, &url)).await;
    let why = "answer 307: redirects are not followed".to_owned();
    assert_eq!(attempt(&office, &mut queue).await, (0, 1, Some(why)));
    never.try_recv().unwrap_err();
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_read() {
    let long = |status| format!("HTTP/1.1 {status}\r\ncontent-length: 10000000\r\n\r\nno {}", "x".repeat(200_000));
    let (url, _received) = receiver(vec![long("400 Bad Request")]).await;
    let (office, mut queue) = one_message(at_once(NotifierKind::Webhook, &url)).await;
    let (pending, dead, why) = attempt(&office, &mut queue).await;
    assert_eq!((pending, dead, why.unwrap().len()), (0, 1, "answer 400: ".len() + 200));
    let (url, _received) = receiver(vec![long("200 OK")]).await;
    let (office, mut queue) = one_message(at_once(NotifierKind::Lark, &url)).await;
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some("the answer is not understood".to_owned())));
}

#[tokio::test]
async fn an_address_on_this_machine_is_refused_unless_it_is_allowed() {
    let (url, mut never) = receiver(vec![]).await;
    let refused = NotifierSettings { allow_loopback: false, ..at_once(NotifierKind::Webhook, &url) };
    let (office, mut queue) = one_message(refused).await;
    let (pending, dead, why) = attempt(&office, &mut queue).await;
    assert_eq!((pending, dead), (0, 1));
    assert!(why.unwrap().contains("on this machine"));
    never.try_recv().unwrap_err();
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_waited_for_and_named_by_its_key() {
    let secret_file = "/nowhere/s3cret".to_owned();
    let settings = NotifierSettings { secret_file, ..at_once(NotifierKind::Webhook, "http://127.0.0.1:1/") };
    let (office, mut queue) = one_message(settings).await;
    let why = "failed to read secret_file: entity not found".to_owned();
    assert_eq!(attempt(&office, &mut queue).await, (1, 0, Some(why)));
}

#[tokio::test]
async fn whoever_leads_sends_until_it_is_to_stop() {
    let (url, mut received) = receiver(vec![answer("200 OK", ""); 10]).await;
    let office = Office::open(vec![at_once(NotifierKind::Webhook, &url)]).await;
    let lead = office.lead().await;
    let notify = Notify { desk: office.desk.clone() };
    let (stopper, stop) = Stop::channel();
    let (running, leading) = (notify.clone(), lead.clone());
    let run = tokio::spawn(async move { running.run(leading, stop).await });
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    notify.announce(&lead, office.desk.now()).await.unwrap();
    assert_eq!(received.recv().await.unwrap().json()["event"], "opened");
    // Another receiver from here on.
    let (other, mut others) = receiver(vec![answer("200 OK", ""); 10]).await;
    let dev = NotifierSettings { name: "dev".to_owned(), ..at_once(NotifierKind::Webhook, &other) };
    let settings = Settings { notifiers: vec![dev], ..Settings::default() };
    notify.apply(&settings, &Around { cluster: "c1".to_owned(), ..Around::default() });
    office.look(&lead, 2, vec![seen_of("shop", 2)], &[]).await;
    notify.announce(&lead, office.desk.now()).await.unwrap();
    let mut told = [others.recv().await.unwrap().json(), others.recv().await.unwrap().json()];
    told.sort_by_key(|body| body["group"]["app"].to_string());
    assert_eq!(told.iter().map(|body| &body["group"]["app"]).collect::<Vec<_>>(), ["cart", "shop"]);
    assert_eq!(told[0]["cluster"], "c1");
    stopper.stop();
    run.await.unwrap();
    received.try_recv().unwrap_err();
}

/// What the simulated server answers about an Event.
async fn ask(sim: &simcluster::SimCluster, method: ::http::Method, name: &str) -> Value {
    let path = format!("/apis/events.k8s.io/v1/namespaces/ns-shop/events/{name}");
    let request = ::http::Request::builder().method(method).uri(path).body(String::new()).unwrap();
    let answer = tower::ServiceExt::oneshot(sim.service(), request).await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn events_are_made_repeated_and_made_again_when_they_have_expired() {
    let sim = simcluster::SimCluster::builder().without_listener().start().await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns-shop"}});
    sim.put(namespace).unwrap();
    let office = Office::over_cluster(vec![at_once(NotifierKind::Event, "")], &sim).await;
    let lead = office.lead().await;
    let mut queue = Queue::new(office.desk.clone(), lead.clone(), "ops".to_owned(), Sender::new(&office.desk));
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    office.announce(&lead).await;
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    let item = fixture::item(1, api::Severity::High);
    let name = event::incident(&item, message::Happened::Opened, &Around::default()).unwrap().name;
    let made = ask(&sim, ::http::Method::GET, &name).await;
    let regarding =
        json!({"apiVersion": "v1", "kind": "Pod", "name": "cart-0", "namespace": "ns-shop", "uid": "uid-0"});
    assert_eq!(
        (&made["type"], &made["reason"], &made["regarding"]),
        (&json!("Warning"), &json!("MinerName"), &regarding)
    );
    let by = (&made["action"], &made["reportingController"], &made["reportingInstance"]);
    assert_eq!(by, (&json!("Observe"), &json!("keelwatch"), &json!("keelwatch-0")));
    office.advance(24 * 3600);
    office.announce(&lead).await;
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    assert_eq!(ask(&sim, ::http::Method::GET, &name).await["series"]["count"], json!(2));
    ask(&sim, ::http::Method::DELETE, &name).await;
    office.advance(24 * 3600);
    office.announce(&lead).await;
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    assert_eq!(ask(&sim, ::http::Method::GET, &name).await["series"], Value::Null);
    office.look(&lead, 2, vec![], &[1]).await;
    office.announce(&lead).await;
    assert_eq!(attempt(&office, &mut queue).await, (0, 0, None));
    let over = event::incident(&item, message::Happened::Resolved, &Around::default()).unwrap().name;
    assert_eq!(ask(&sim, ::http::Method::GET, &over).await["type"], json!("Normal"));
}

#[tokio::test]
async fn figures_are_served_by_notifier() {
    let (url, _received) = receiver(vec![answer("200 OK", ""), answer("500 Oops", ""), answer("404 None", "")]).await;
    let (office, mut queue) = one_message(at_once(NotifierKind::Webhook, &url)).await;
    attempt(&office, &mut queue).await;
    let lead = office.lead().await;
    office.look(&lead, 2, vec![seen_of("shop", 2), seen_of("bar", 3), seen_of("foo", 4)], &[]).await;
    office.announce(&lead).await;
    let mut queue = Queue::new(office.desk.clone(), lead, "ops".to_owned(), Sender::new(&office.desk));
    attempt(&office, &mut queue).await;
    attempt(&office, &mut queue).await;
    office.advance(7);
    let notify = Notify { desk: office.desk.clone() };
    let mut registry = Registry::default();
    notify.register(&mut registry);
    let page = registry.encode(runtime::metrics::Format::Prometheus);
    for line in [
        r#"keelwatch_responses_messages_total{notifier="ops",result="sent"} 1"#,
        r#"keelwatch_responses_messages_total{notifier="ops",result="failed"} 1"#,
        r#"keelwatch_responses_messages_total{notifier="ops",result="dead"} 1"#,
        r#"keelwatch_responses_outbox{notifier="ops"} 2"#,
        r#"keelwatch_responses_outbox_oldest_age_seconds{notifier="ops"} 7"#,
        r#"keelwatch_responses_outbox_dropped_total{notifier="ops"} 0"#,
    ] {
        assert!(page.lines().any(|found| found == line || found.strip_suffix(".0") == Some(line)), "{line}\n{page}");
    }
    assert_eq!(notify.messages()[0].pending, 2);
}

#[tokio::test]
async fn an_alertmanager_is_told_by_whoever_leads_and_what_it_lacks_is_shown() {
    let (url, mut received) = receiver(vec![answer("200 OK", "")]).await;
    let url = url.strip_suffix("/hook").unwrap().to_owned();
    let office = Office::open(vec![NotifierSettings { urls: vec![url], ..alertmanager() }]).await;
    let lead = office.lead().await;
    office.look(&lead, 1, vec![seen(1)], &[]).await;
    let notify = Notify { desk: office.desk.clone() };
    let (stopper, stop) = Stop::channel();
    let running = notify.clone();
    let run = tokio::spawn(async move { running.run(lead, stop).await });
    let told = received.recv().await.unwrap();
    assert!(told.head.starts_with("POST /api/v2/alerts "), "{}", told.head);
    assert_eq!(told.json()[0]["labels"]["alertname"], "KeelwatchFinding");
    stopper.stop();
    run.await.unwrap();
    assert_eq!((notify.messages()[0].pending, notify.messages()[0].last_error.clone()), (0, None));
}
