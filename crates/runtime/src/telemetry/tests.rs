//! What ends up in a log.

use std::time::Duration;

use expect_test::{Expect, expect};
use tracing::{debug, error, info, warn};

use super::*;
use crate::clock::ManualClock;

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn settings(level: &str, format: LogFormat) -> Settings {
    Settings { level: level.to_owned(), format }
}

/// What `events` leave in a log.
fn logged(settings: &Settings, sink: Sink, events: impl FnOnce(&ManualClock, &Telemetry)) -> String {
    let (clock, log) = (Arc::new(ManualClock::default()), Log::default());
    let (telemetry, subscriber) =
        Telemetry::subscriber(settings, sink, Arc::clone(&clock) as Arc<dyn Clock>, log.clone());
    tracing::subscriber::with_default(subscriber, || events(&clock, &telemetry));
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "so that a call reads as events and outcome")]
#[track_caller]
fn check(settings: Settings, sink: Sink, events: impl FnOnce(&ManualClock, &Telemetry), expected: Expect) {
    expected.assert_eq(&logged(&settings, sink, events));
}

fn some_events(_: &ManualClock, _: &Telemetry) {
    info!(pod = "shop/cart-0", "violation on shop/cart-0");
    let source = std::io::Error::other("a \"cause\"\nof two lines");
    warn!(error = &source as &dyn std::error::Error, count = 3, ratio = 0.5, level = "mine", on = true, "it\nfailed");
    debug!("not shown");
}

#[test]
fn on_a_terminal_a_line_is_text() {
    check(
        Settings::default(),
        Sink::Terminal,
        some_events,
        expect![[r#"
        2026-11-21T00:00:00.000Z  INFO runtime violation on shop/cart-0 pod=shop/cart-0
        2026-11-21T00:00:00.000Z  WARN runtime it\nfailed error="a \"cause\"\nof two lines" count=3 ratio=0.5 level=mine on=true
    "#]],
    );
}

#[test]
fn elsewhere_a_line_is_json() {
    check(
        Settings::default(),
        Sink::Pipe,
        some_events,
        expect![[r#"
        {"timestamp":"2026-11-21T00:00:00.000Z","level":"info","target":"runtime","message":"violation on shop/cart-0","pod":"shop/cart-0"}
        {"timestamp":"2026-11-21T00:00:00.000Z","level":"warn","target":"runtime","message":"it\nfailed","error":"a \"cause\"\nof two lines","count":3,"ratio":0.5,"level_":"mine","on":true}
    "#]],
    );
}

#[test]
fn a_target_may_have_a_level_of_its_own() {
    let events = |_: &ManualClock, _: &Telemetry| {
        debug!(target: "pods::index", "shown");
        debug!(target: "podsx", "not shown");
        info!(target: "web", "not shown");
        warn!(target: "web", "shown");
    };
    check(
        settings("warn,pods=debug", LogFormat::Text),
        Sink::Pipe,
        events,
        expect![[r#"
        2026-11-21T00:00:00.000Z DEBUG pods shown
        2026-11-21T00:00:00.000Z  WARN web shown
    "#]],
    );
}

#[test]
fn changed_settings_hold_for_the_next_event() {
    let events = |_: &ManualClock, telemetry: &Telemetry| {
        for level in ["info", "debug", "error"] {
            telemetry.apply(&settings(level, LogFormat::Text));
            debug!("logged at {level}");
        }
    };
    check(
        settings("info", LogFormat::Text),
        Sink::Pipe,
        events,
        expect![[r#"
        2026-11-21T00:00:00.000Z DEBUG runtime logged at debug
    "#]],
    );
}

#[test]
fn the_same_error_within_a_minute_is_counted() {
    let events = |clock: &ManualClock, _: &Telemetry| {
        for _ in 0..7 {
            error!(target: "web", "refused");
            info!(target: "web", "asked");
            clock.advance(Duration::from_secs(15));
        }
    };
    let text = logged(&settings("info", LogFormat::Text), Sink::Pipe, events);
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).collect();
    let expected =
        ["2026-11-21T00:00:00.000Z ERROR web refused", "2026-11-21T00:01:00.000Z ERROR web refused repeated=3"];
    assert_eq!(errors, expected);
    assert_eq!(text.matches("asked").count(), 7);
}
