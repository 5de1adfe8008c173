//! What every role is built in: metrics, tasks, the HTTP side, and the checks of `/readyz`.
//!
//! Owns what is the same in all of them. Each role adds its rooms.

use std::sync::Arc;

use anyhow::Context;
use api::Clock;
use runtime::metrics::{Build, Registry, build_info, process_metrics};
use runtime::probes::Checks;
use runtime::settings::Live;
use runtime::shutdown::Stop;
use runtime::tasks::Tasks;
use web::{Routes, Server};

use crate::settings::Settings;

/// The frame of a role, made and not yet running.
pub(crate) struct Frame {
    pub(crate) registry: Registry,
    pub(crate) tasks: Tasks,
    pub(crate) server: Server,
    pub(crate) checks: Checks,
}

impl Frame {
    /// The frame of the role of this name.
    pub(crate) fn new(
        role: &'static str,
        live: &Live<Settings>,
        stop: &Stop,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let settings = live.current();
        let mut registry = Registry::default();
        let version = env!("CARGO_PKG_VERSION");
        let commit = option_env!("KEELWATCH_COMMIT").unwrap_or("unknown");
        build_info(&mut registry, Build { version, commit, role });
        process_metrics(&mut registry, "/proc");
        live.register_metrics(&mut registry);
        // Jitter only has to differ from process to process.
        let seed = clock.now().as_microsecond().unsigned_abs();
        let tasks = Tasks::new(clock.clone(), stop.clone(), seed);
        tasks.register_metrics(&mut registry);
        let server = Server::new(&settings.listen, &settings.auth, clock.clone(), &mut registry)
            .context("failed to prepare the listeners")?;
        let checks = Checks::default();
        let stop = stop.clone();
        checks.add("shutdown", move || stop.check());
        let certificates = server.clone();
        checks.add("certificate", move || certificates.check());
        let live = live.clone();
        checks.add("settings", move || live.check());
        Ok(Self { registry, tasks, server, checks })
    }

    /// `/livez` and `/readyz`.
    pub(crate) fn probes(checks: &Checks, tasks: &Tasks) -> Routes {
        let tasks = tasks.clone();
        web::probes::routes(checks.clone(), move || tasks.health())
    }
}
