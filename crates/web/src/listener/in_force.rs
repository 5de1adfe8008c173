//! The settings of the listeners that are in force, changed by a reload while connections are open.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use runtime::probes::Check;
use rustix::process::{Resource, getrlimit};
use rustls::ServerConfig;
use tracing::{error, warn};

use super::tls::{Certificate, TlsError};
use crate::settings::ListenSettings;

/// What is in force now. Everybody who keeps a limit asks for it when it counts.
#[derive(Debug)]
pub(crate) struct InForce {
    limits: ArcSwap<Limits>,
    certificate: Certificate,
    /// Why the files of the certificate are not what is served.
    refused: ArcSwapOption<String>,
}

/// Descriptors that API connections leave alone: 64 of the metrics listener, and files, pipes and connections to
/// others.
const OTHER_DESCRIPTORS: u64 = 512;

/// Connections that are worth a try however few descriptors there are.
const LEAST_CONNECTIONS: usize = 10;

/// The limits of connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

impl InForce {
    /// Starts with `settings`; reads the files of the certificate.
    pub(crate) fn new(settings: &ListenSettings) -> Result<Self, TlsError> {
        let limits = ArcSwap::from_pointee(Limits::of(settings));
        let in_force = Self { limits, certificate: Certificate::default(), refused: ArcSwapOption::empty() };
        in_force.certificate.apply(&settings.tls)?;
        Ok(in_force)
    }

    /// Takes changed settings, and reads the files of the certificate again. One that cannot be used is told in the log
    /// and by the check, and the former one stays.
    pub(crate) fn apply(&self, settings: &ListenSettings) {
        self.limits.store(Arc::new(Limits::of(settings)));
        let refused = self.certificate.apply(&settings.tls).err().map(|error| with_causes(&error));
        if let Some(why) = &refused {
            error!("the changed certificate is refused, the former one is served: {why}");
        }
        self.refused.store(refused.map(Arc::new));
    }

    /// Whether the certificate that is served is the one of the files.
    pub(crate) fn check(&self) -> Check {
        match self.refused.load().as_deref() {
            Some(why) => Check::Warn(format!("the former certificate is served: {why}")),
            None => Check::Ok,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        **self.limits.load()
    }

    pub(crate) fn certificate(&self) -> Option<Arc<ServerConfig>> {
        self.certificate.current()
    }
}

impl Limits {
    /// As `settings` say, but for connections that the process could not open.
    fn of(settings: &ListenSettings) -> Self {
        let ListenSettings { max_connections, header_timeout, request_timeout, idle_timeout, .. } = settings;
        let (wanted, possible) = (usize::try_from(*max_connections).unwrap_or(usize::MAX), possible_connections());
        if possible < wanted {
            warn!("listen.max_connections is {wanted}, but the limit of open files leaves room for {possible}");
        }
        Self {
            max_connections: wanted.min(possible),
            header_timeout: *header_timeout,
            request_timeout: *request_timeout,
            idle_timeout: *idle_timeout,
        }
    }
}

/// Without this, connections to the API could take the last descriptor, and nobody would answer a probe.
fn possible_connections() -> usize {
    let Some(open_files) = getrlimit(Resource::Nofile).current else { return usize::MAX };
    usize::try_from(open_files.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(usize::MAX).max(LEAST_CONNECTIONS)
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
