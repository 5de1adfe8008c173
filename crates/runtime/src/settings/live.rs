//! The settings that hold now.
//!
//! Owns the swap and what is known of the last reload. When to reload is decided in `follow`.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use document::Fault;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::load::Loaded;
use super::{Root, changes};
use crate::metrics::{Entry, Kind, Registry, Sample};
use crate::probes::Check;

/// The settings that hold now. Clones share them.
#[derive(Debug)]
pub struct Live<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    current: ArcSwap<Loaded<T>>,
    /// Counts the changes of settings and of files that they name.
    changes: watch::Sender<u64>,
    reload: Mutex<ReloadState>,
}

/// What is known of the last reload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReloadState {
    /// The first 16 hex digits of the SHA-256 of the text that holds.
    pub revision: String,
    /// What kept the last text from being taken; empty if it was taken.
    pub faults: Vec<Fault>,
    /// Keys that were changed since the start and are read at start only.
    pub restart_needed: Vec<String>,
    /// Texts that were taken since the start.
    pub taken: u64,
    /// Texts that were refused since the start.
    pub refused: u64,
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Root> Live<T> {
    /// Settings that hold from here on.
    pub fn new(loaded: Loaded<T>) -> Self {
        let reload = ReloadState { revision: loaded.revision.clone(), ..ReloadState::default() };
        let (changes, _) = watch::channel(0);
        Self {
            shared: Arc::new(Shared { current: ArcSwap::from_pointee(loaded), changes, reload: Mutex::new(reload) }),
        }
    }

    /// The settings that hold now. Whoever keeps them for the length of a piece of work sees no mixture.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.shared.current.load().settings)
    }

    /// The settings that hold now, with their text.
    pub fn loaded(&self) -> Arc<Loaded<T>> {
        self.shared.current.load_full()
    }

    /// Tells of each change of the settings and of each change of a file that they name; the value is a count.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// What is known of the last reload.
    pub fn reload_state(&self) -> ReloadState {
        self.shared.reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The check of the last reload: it warns, since the last good settings hold.
    pub fn check(&self) -> Check {
        let ReloadState { faults, restart_needed, .. } = self.reload_state();
        if !faults.is_empty() {
            return Check::Warn(format!("the last good settings hold: {}", listed(&faults)));
        }
        if !restart_needed.is_empty() {
            return Check::Warn(format!("restart-needed: {}", restart_needed.join(", ")));
        }
        Check::Ok
    }

    /// Adds the metrics of settings.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let state = self.clone();
        registry.gauge(
            "keelwatch_settings_last_reload_ok",
            "Whether the last text of the settings was taken: 1 or 0",
            move || if state.reload_state().faults.is_empty() { 1.0 } else { 0.0 },
        );
        let state = self.clone();
        let name = "keelwatch_settings_reloads_total";
        let help = "Changed texts of the settings, by result";
        registry.read_at_scrape(Entry { name, kind: Kind::Counter, labels: &["result"], help }, move || {
            let ReloadState { taken, refused, .. } = state.reload_state();
            #[expect(clippy::cast_precision_loss, reason = "nobody reloads 2^52 times")]
            let counts = [("ok", taken as f64), ("refused", refused as f64)];
            counts.map(|(result, value)| Sample { labels: vec![("result", result.to_owned())], value }).into()
        });
        let state = self.clone();
        let (name, help) = ("keelwatch_settings_info", "Always 1; the label says which text holds");
        registry.read_at_scrape(Entry { name, kind: Kind::Gauge, labels: &["revision"], help }, move || {
            vec![Sample { labels: vec![("revision", state.reload_state().revision)], value: 1.0 }]
        });
    }

    /// Takes settings that passed every check, start-only keys as they were; or remembers why there are none.
    pub(super) fn offer(&self, outcome: Result<Loaded<T>, Vec<Fault>>) {
        match outcome.and_then(|loaded| self.merged(loaded)) {
            Ok((loaded, restart_needed)) => self.take(loaded, restart_needed),
            Err(faults) => self.refuse(faults),
        }
    }

    /// Tells subscribers that a file named by the settings changed.
    pub(super) fn renew(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }

    fn merged(&self, wanted: Loaded<T>) -> Result<(Loaded<T>, Vec<String>), Vec<Fault>> {
        let (settings, restart_needed) = changes::keep_started(&*self.current(), T::clone(&wanted.settings))
            .map_err(|error| vec![wanted.document.fault("", format!("cannot be taken without a restart: {error}"))])?;
        let with_running = |(path, message): (String, String)| {
            wanted.document.fault(&path, format!("{message}, with keys that need a restart as they were"))
        };
        let faults: Vec<Fault> = settings.check().into_iter().map(with_running).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok((Loaded { settings: Arc::new(settings), ..wanted }, restart_needed))
    }

    fn take(&self, loaded: Loaded<T>, restart_needed: Vec<String>) {
        let revision = loaded.revision.clone();
        let differs = *loaded.settings != *self.current();
        self.shared.current.store(Arc::new(loaded));
        if restart_needed.is_empty() {
            info!(revision, "settings reloaded");
        } else {
            let keys = restart_needed.join(", ");
            warn!(revision, keys, "settings reloaded, restart-needed: {keys}");
        }
        {
            let mut reload = self.shared.reload.lock().unwrap_or_else(PoisonError::into_inner);
            let (taken, refused) = (reload.taken + 1, reload.refused);
            *reload = ReloadState { revision, faults: Vec::new(), restart_needed, taken, refused };
        }
        if differs {
            self.renew();
        }
    }

    fn refuse(&self, faults: Vec<Fault>) {
        // The first fault is part of the message: another one within the minute is another error.
        let first = faults.first().map(Fault::to_string).unwrap_or_default();
        error!(faults = listed(&faults), "settings refused, the last good ones hold: {first}");
        let mut reload = self.shared.reload.lock().unwrap_or_else(PoisonError::into_inner);
        reload.refused += 1;
        reload.faults = faults;
    }
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::fixture::{Folder, Sample, environment};
    use super::super::load;
    use super::*;
    use crate::metrics::Format;

    fn loaded(text: &str) -> Result<Loaded<Sample>, Vec<Fault>> {
        let folder = Folder::with("k.yaml", text);
        load(Some(&folder.path("k.yaml")), &environment()).map_err(|mut faults| {
            for fault in &mut faults {
                "k.yaml".clone_into(&mut fault.file);
            }
            faults
        })
    }

    fn live(text: &str) -> Live<Sample> {
        Live::new(loaded(text).unwrap())
    }

    #[test]
    fn bad_settings_change_nothing_and_warn_with_line_and_column() {
        let live = live("name: good");
        let mut changes = live.subscribe();
        live.offer(loaded("name: bad\nlimit: 10\n"));
        assert_eq!(live.current().name, "good");
        assert!(!changes.has_changed().unwrap());
        let why = "the last good settings hold: k.yaml:2:8: limit: 10 is out of range (accepted: 1 to 9)";
        assert_eq!(live.check(), Check::Warn(why.to_owned()));
        live.offer(loaded("name: better"));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!((live.check(), live.current().name.as_str()), (Check::Ok, "better"));
    }

    #[test]
    fn keys_that_are_read_at_start_wait_and_the_rest_is_taken() {
        let live = live("watch: {proc: /a, every: 1s}");
        live.offer(loaded("watch: {proc: /b, every: 3s, events: connector}"));
        let watch = live.current().watch.clone();
        assert_eq!((watch.proc.as_str(), watch.every.as_secs()), ("/a", 3));
        assert_eq!(live.check(), Check::Warn("restart-needed: watch.proc, watch.events".to_owned()));
        live.offer(loaded("watch: {proc: /a, every: 3s}"));
        assert_eq!(live.check(), Check::Ok);
    }

    #[test]
    fn the_metrics_tell_of_the_last_reload() {
        let live = live("name: good");
        live.offer(loaded("limit: 0"));
        let mut registry = Registry::default();
        live.register_metrics(&mut registry);
        expect![[r##"
            # HELP keelwatch_settings_last_reload_ok Whether the last text of the settings was taken: 1 or 0.
            # TYPE keelwatch_settings_last_reload_ok gauge
            keelwatch_settings_last_reload_ok 0.0
            # HELP keelwatch_settings_reloads_total Changed texts of the settings, by result.
            # TYPE keelwatch_settings_reloads_total counter
            keelwatch_settings_reloads_total{result="ok"} 0.0
            keelwatch_settings_reloads_total{result="refused"} 1.0
            # HELP keelwatch_settings_info Always 1; the label says which text holds.
            # TYPE keelwatch_settings_info gauge
            keelwatch_settings_info{revision="ce418c2437bede49"} 1.0
        "##]]
        .assert_eq(&registry.encode(Format::Prometheus));
    }
}
