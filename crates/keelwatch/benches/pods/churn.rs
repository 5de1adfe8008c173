//! Changes taken in while somebody asks.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::process::{Api, Controller, get};
use crate::{remark, result};

/// More than the bar, so that the server is not what is measured.
const CHANGES_PER_SECOND: u32 = 13_000;
const ASKED_PER_SECOND: u32 = 2_000;
const FOR: Duration = Duration::from_secs(10);

pub(crate) fn run() {
    let api = Api::start(20_000, 200, CHANGES_PER_SECOND);
    let controller = Controller::start(&api);
    controller.until_ready();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&controller.api, &over));
        let (before, started) = (taken(&controller), Instant::now());
        let mut oldest: f64 = 0.0;
        while started.elapsed() < FOR {
            oldest = oldest.max(controller.metric("keelwatch_pods_age_seconds"));
            std::thread::sleep(Duration::from_millis(250));
        }
        let rate = (taken(&controller) - before) / started.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let asked = asking.join().expect("asking goes on") / FOR.as_secs_f64();
        result("changes-per-second", rate, "1/s", ">=10000");
        result("age-under-changes", oldest, "s", "<=1");
        result("asked-per-second", asked, "1/s", "-");
        if asked < f64::from(ASKED_PER_SECOND) * 0.95 {
            remark(format_args!("only {asked:.0} look-ups a second could be asked"));
        }
    });
}

fn taken(controller: &Controller) -> f64 {
    let kinds = ["added", "modified", "deleted"];
    kinds.iter().map(|kind| controller.metric(&format!("keelwatch_pods_events_total{{type=\"{kind}\"}}"))).sum()
}

/// Asks over one connection, so many times a second; how often it was answered.
fn ask(address: &str, over: &AtomicBool) -> f64 {
    let list = get(address, "/api/v1/pods?limit=1");
    let uid = list.split("\"uid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a pod has a uid");
    let head = format!("GET /api/v1/pod?uid={uid}&deleted=true HTTP/1.1\r\nhost: k\r\nauthorization: Bearer t0ken\r\n\r\n");
    let mut stream = TcpStream::connect(address).expect("a listener accepts");
    let (started, mut answered) = (Instant::now(), 0_u32);
    let mut bytes = vec![0; 64 << 10];
    while !over.load(Ordering::Relaxed) {
        let due = started + Duration::from_secs(1) * answered / ASKED_PER_SECOND;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(head.as_bytes()).expect("a listener takes a request");
        // An answer of a few hundred bytes comes in one piece.
        assert!(stream.read(&mut bytes).expect("a listener answers") > 0, "the connection was closed");
        answered += 1;
    }
    f64::from(answered)
}
