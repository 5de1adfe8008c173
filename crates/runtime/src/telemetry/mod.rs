//! Logs: one line an event, as text or JSON, filtered by settings that may change while the process runs.
//!
//! Owns the only subscriber of the process. What is logged is decided where it happens; secrets must not get here.
//!
//! ```text
//! event ─► Filter (log.level) ─► Repeats (errors of the last minute) ─► line (log.format) ─► writer
//! ```

mod filter;
mod line;
pub(crate) mod panics;
mod repeats;
mod settings;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use api::Clock;
use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{Interest, SetGlobalDefaultError};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

use self::filter::Filter;
use self::line::{Fields, Line};
use self::repeats::{Repeats, Told};

pub use panics::log_panics;
pub use settings::{LogFormat, Settings};

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// A person reads them as they come.
    Terminal,
    /// A file, a pipe or a log collector.
    Pipe,
}

/// The log of the process; takes changed settings.
#[derive(Debug, Clone)]
pub struct Telemetry {
    rules: Arc<ArcSwap<Rules>>,
    sink: Sink,
}

/// What of the settings each event is held against.
#[derive(Debug)]
struct Rules {
    filter: Filter,
    format: LogFormat,
}

/// The layer that writes lines.
struct Lines<W> {
    rules: Arc<ArcSwap<Rules>>,
    repeats: Mutex<Repeats>,
    clock: Arc<dyn Clock>,
    writer: Mutex<W>,
}

impl Telemetry {
    /// Makes `writer` the log of this process; fails if there is one already.
    pub fn init<W: Write + Send + 'static>(
        settings: &Settings,
        sink: Sink,
        clock: Arc<dyn Clock>,
        writer: W,
    ) -> Result<Self, SetGlobalDefaultError> {
        let (telemetry, subscriber) = Self::subscriber(settings, sink, clock, writer);
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(telemetry)
    }

    /// Takes changed settings; they hold for the next event.
    pub fn apply(&self, settings: &Settings) {
        self.rules.store(Arc::new(Rules::of(settings, self.sink)));
        tracing::callsite::rebuild_interest_cache();
    }

    fn subscriber<W: Write + Send + 'static>(
        settings: &Settings,
        sink: Sink,
        clock: Arc<dyn Clock>,
        writer: W,
    ) -> (Self, impl Subscriber + Send + Sync) {
        let rules = Arc::new(ArcSwap::from_pointee(Rules::of(settings, sink)));
        let repeats = Mutex::new(Repeats::default());
        let lines = Lines { rules: Arc::clone(&rules), repeats, clock, writer: Mutex::new(writer) };
        (Self { rules, sink }, registry().with(lines))
    }
}

impl Rules {
    fn of(settings: &Settings, sink: Sink) -> Self {
        let format = match (settings.format, sink) {
            (LogFormat::Auto, Sink::Terminal) => LogFormat::Text,
            (LogFormat::Auto, Sink::Pipe) => LogFormat::Json,
            (format @ (LogFormat::Text | LogFormat::Json), Sink::Terminal | Sink::Pipe) => format,
        };
        // Settings are checked before they are applied; without a check, what is wrong in them is skipped.
        Self { filter: Filter::lenient(&settings.level), format }
    }
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for Lines<W> {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Asked each time, since the settings change.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && self.rules.load().filter.accepts(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.rules.load().filter.most())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let fields = Fields::of(event);
        let metadata = event.metadata();
        let repeated = match *metadata.level() {
            Level::ERROR | Level::WARN => self.told(metadata.target(), fields.message()),
            _ => Told::Now { repeated: 0 },
        };
        let Told::Now { repeated } = repeated else {
            return;
        };
        let line = Line { at: self.clock.now(), level: *metadata.level(), target: metadata.target(), repeated, fields };
        let text = match self.rules.load().format {
            LogFormat::Json => line.json(),
            LogFormat::Auto | LogFormat::Text => line.text(),
        };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written has nowhere to say so.
        let _ = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
    }
}

impl<W> Lines<W> {
    fn told(&self, target: &str, message: &str) -> Told {
        let now = self.clock.monotonic();
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner).tell(target, message, now)
    }
}

#[cfg(test)]
mod tests;
