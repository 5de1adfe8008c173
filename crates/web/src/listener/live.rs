//! The settings of the listeners that are in force, changed by a reload while connections are open.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use super::tls::{Certificate, TlsError};
use crate::settings::ListenSettings;

/// What is in force now. Everybody who keeps a limit asks for it when it counts.
#[derive(Debug)]
pub(crate) struct Live {
    limits: ArcSwap<Limits>,
    certificate: Certificate,
}

/// The limits of connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

impl Live {
    /// Starts with `settings`; reads the files of the certificate.
    pub(crate) fn new(settings: &ListenSettings) -> Result<Self, TlsError> {
        let live = Self { limits: ArcSwap::from_pointee(Limits::of(settings)), certificate: Certificate::default() };
        live.certificate.apply(&settings.tls)?;
        Ok(live)
    }

    /// Takes changed settings, and reads the files of the certificate again. After an error nothing has changed.
    pub(crate) fn apply(&self, settings: &ListenSettings) -> Result<(), TlsError> {
        self.certificate.apply(&settings.tls)?;
        self.limits.store(Arc::new(Limits::of(settings)));
        Ok(())
    }

    pub(crate) fn limits(&self) -> Limits {
        **self.limits.load()
    }

    pub(crate) fn certificate(&self) -> Option<Arc<ServerConfig>> {
        self.certificate.current()
    }
}

impl Limits {
    fn of(settings: &ListenSettings) -> Self {
        let ListenSettings { max_connections, header_timeout, request_timeout, idle_timeout, .. } = settings;
        Self {
            max_connections: usize::try_from(*max_connections).unwrap_or(usize::MAX),
            header_timeout: *header_timeout,
            request_timeout: *request_timeout,
            idle_timeout: *idle_timeout,
        }
    }
}
