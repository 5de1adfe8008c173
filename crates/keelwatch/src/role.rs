//! What every role has in common: it starts from settings, runs until a signal, and stops within a limit.
//!
//! Owns that frame, and the two listeners that every role has. What a role is made of is in the module of its name; the
//! demo runs several of them in one process.

mod frame;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::Clock;
use runtime::clock::SystemClock;
use runtime::settings::{Environment, Live};
use runtime::shutdown::{Ended, Signals, Stop};
use runtime::telemetry::{Sink, Telemetry, log_panics};
use tokio::task::JoinHandle;
use tracing::warn;
use web::settings::ListenSettings;
use web::{Listener, Purpose, Routes, Server};

use crate::exit::{Exit, complain};
use crate::settings::{self, Settings};

pub(crate) use frame::Frame;

/// What a role starts from.
pub(crate) struct Start {
    pub(crate) live: Live<Settings>,
    /// What the settings were read in, and will be when they change.
    pub(crate) environment: Environment,
    pub(crate) log: Telemetry,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: Stop,
}

/// A role that serves. It goes on while `ended` is awaited, and ends after the stop.
pub(crate) struct Running {
    /// Where its API listens.
    pub(crate) api: SocketAddr,
    /// Where its metrics and probes listen.
    pub(crate) metrics: SocketAddr,
    pub(crate) ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What a role may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The whole stop takes no longer.
    pub(crate) stop: Duration,
    /// How many threads serve on a machine of so many cores; at least one.
    pub(crate) workers: fn(usize) -> usize,
}

/// The addresses of a role whose settings name none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) api: &'static str,
    pub(crate) metrics: &'static str,
}

/// What a role serves on its two listeners.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) on_metrics: Routes,
    pub(crate) on_api: Routes,
}

/// The listeners of a role, open and not yet served.
pub(crate) struct Listeners {
    metrics: Listener,
    api: Listener,
}

/// Runs a role by the settings of this file, read in this environment, until a signal. Bad settings are told and end with
/// 2; what fails later ends with 1.
pub(crate) fn run<F>(
    named: Option<&Path>,
    environment: Environment,
    limits: Limits,
    role: impl FnOnce(Start) -> F,
) -> anyhow::Result<Exit>
where
    F: Future<Output = anyhow::Result<Running>>,
{
    let live = Live::new(settings::read_in(named, &environment)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let log = start_log(&live.current(), &clock)?;
    until_a_signal(limits, |stop| async move {
        let running = role(Start { live, environment, log, clock, stop }).await?;
        running.ended.await;
        Ok(())
    })
}

/// Makes standard error the log of the process.
pub(crate) fn start_log(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Telemetry> {
    let sink = if io::stderr().is_terminal() { Sink::Terminal } else { Sink::Pipe };
    let log =
        Telemetry::init(&settings.log, sink, Arc::clone(clock), io::stderr()).context("failed to start the log")?;
    log_panics();
    Ok(log)
}

/// Runs `work` until it ends by itself or, after a signal, within its limit.
pub(crate) fn until_a_signal<F>(limits: Limits, work: impl FnOnce(Stop) -> F) -> anyhow::Result<Exit>
where
    F: Future<Output = anyhow::Result<()>>,
{
    // As many as a container may use, if it is limited.
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut workers = tokio::runtime::Builder::new_multi_thread();
    workers.worker_threads((limits.workers)(cores)).enable_all();
    let workers = workers.build().context("failed to start the runtime")?;
    let ended = workers.block_on(async {
        let signals = Signals::listen().context("failed to listen for signals")?;
        let (stopper, stop) = Stop::channel();
        match Box::pin(signals.run(stopper, limits.stop, Box::pin(work(stop)))).await {
            Ended::Finished(result) => result.map(|()| Exit::Clean),
            Ended::Overdue => Ok(Exit::Clean),
            Ended::Interrupted => Ok(Exit::Findings),
        }
    });
    // Work that is stuck in the kernel must not keep the process.
    workers.shutdown_background();
    Ok(ended.unwrap_or_else(|error| {
        complain(&error);
        Exit::Findings
    }))
}

impl Listeners {
    /// Opens both: an address that is taken ends the start. Probes come first, so that they answer whatever follows.
    pub(crate) async fn open(listen: &ListenSettings, usual: Addresses) -> anyhow::Result<Self> {
        let metrics = Listener::bind(Purpose::Metrics, or_usual(&listen.metrics, usual.metrics)).await?;
        let api = Listener::bind(Purpose::Api, or_usual(&listen.api, usual.api)).await?;
        Ok(Self { metrics, api })
    }

    /// Where the API listens.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where metrics and probes listen.
    pub(crate) fn metrics(&self) -> SocketAddr {
        self.metrics.address()
    }

    /// Serves both until the stop.
    pub(crate) fn serve(self, with: &Server, served: Served, stop: &Stop, drain: Duration) -> [JoinHandle<()>; 2] {
        let metrics = with.clone().serve(self.metrics, served.on_metrics, stop.clone(), drain);
        let api = with.clone().serve(self.api, served.on_api, stop.clone(), drain);
        [tokio::spawn(metrics), tokio::spawn(api)]
    }
}

fn or_usual<'a>(address: &'a str, usual: &'a str) -> &'a str {
    if address.is_empty() { usual } else { address }
}

/// Waits for parts of a role to end, each of which was told to.
pub(crate) async fn join(parts: impl IntoIterator<Item = JoinHandle<()>>) {
    for part in parts {
        if let Err(error) = part.await {
            warn!(%error, "a part of the process ended badly");
        }
    }
}
