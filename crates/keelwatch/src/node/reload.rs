//! What a changed file changes while the node runs.
//!
//! Owns the order: log, listeners, store, then rules and watch together, so that no pass judges by a mixture.

use std::sync::Arc;

use pods::Pods;
use processes::Handle;
use processes::rules::RuleSet;
use runtime::settings::Live;
use runtime::shutdown::Stop;
use runtime::telemetry::Telemetry;
use tracing::{error, info};
use violations::Node;
use web::Server;

use super::parts::RulesState;
use crate::rules;
use crate::settings::Settings;

/// Everything that takes changed settings.
pub(super) struct Reloads {
    pub(super) live: Live<Settings>,
    pub(super) log: Telemetry,
    pub(super) server: Server,
    pub(super) node: Node,
    pub(super) pods: Pods,
    pub(super) rules: RulesState,
    pub(super) watch: Handle,
    /// What the watch judges by.
    pub(super) judging: Judging,
}

/// What the watch judges by.
#[derive(Debug, Clone)]
pub(super) struct Judging {
    pub(super) settings: processes::Settings,
    pub(super) rules: Arc<RuleSet>,
}

impl Reloads {
    /// Applies each change until the stop.
    pub(super) async fn run(mut self, stop: Stop) {
        let mut changes = self.live.subscribe();
        loop {
            tokio::select! {
                () = stop.requested() => return,
                next = changes.changed() => if next.is_err() { return },
            }
            // Compiling a large set takes half a second.
            tokio::task::block_in_place(|| self.apply());
        }
    }

    fn apply(&mut self) {
        let settings = self.live.current();
        self.log.apply(&settings.log);
        self.server.apply(&settings.listen, &settings.auth);
        self.node.reload(&settings.violations.node);
        self.pods.apply(&settings.pods);
        self.node.ask_anew();
        let rules = self.rules(&settings.processes.rules);
        let judging = Judging { settings: settings.processes.clone(), rules };
        let same_rules = judging.rules.revision() == self.judging.rules.revision();
        if !same_rules || judging.settings != self.judging.settings {
            self.watch.reload(judging.settings.clone(), judging.rules.clone());
            self.judging = judging;
        }
    }

    /// The set to judge by from now on: that of the sources, else the one before.
    fn rules(&self, sources: &[String]) -> Arc<RuleSet> {
        match rules::load(sources) {
            Ok(set) => {
                let revision = set.revision();
                if revision != self.judging.rules.revision() || !self.rules.is_active() {
                    info!(revision, "rules loaded: revision {revision}");
                    self.node.rules_accepted();
                    self.rules.loaded();
                }
                set
            }
            Err(refused) => {
                let errors = refused.errors;
                // The first error is part of the message: another one within the minute is another event.
                let first = errors.first().map_or("", String::as_str);
                error!(errors = errors.join("; "), "rules refused, the last good ones hold: {first}");
                self.node.rules_refused(errors.clone());
                self.rules.refused(errors);
                self.judging.rules.clone()
            }
        }
    }
}
