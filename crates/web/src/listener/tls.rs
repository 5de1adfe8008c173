//! The certificate of the API listener, read again when its files change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tracing::info;

use crate::settings::TlsSettings;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("failed to read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// A file is not the PEM that it should be.
    #[error("{} holds no PEM of {what}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why it does not.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate of an authority cannot be used.
    #[error("{} holds an authority that cannot be used", .0.display())]
    Authority(PathBuf, #[source] rustls::Error),
    /// The authorities cannot be used together.
    #[error("the authorities of client certificates cannot be used")]
    Authorities(#[source] VerifierBuilderError),
    /// Certificate and key do not fit each other, or the library knows neither.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// What the listener shows to its clients; `None` while it speaks plain HTTP.
#[derive(Debug, Default)]
pub(crate) struct Certificate {
    config: ArcSwapOption<ServerConfig>,
    /// What `config` was made of.
    material: Mutex<Option<Material>>,
}

/// The files as read.
#[derive(Clone, PartialEq, Eq)]
struct Material {
    settings: TlsSettings,
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl Certificate {
    pub(crate) fn current(&self) -> Option<Arc<ServerConfig>> {
        self.config.load_full()
    }

    /// Reads the files of `settings` and shows what they hold from now on. After an error the former certificate stays.
    pub(crate) fn apply(&self, settings: &TlsSettings) -> Result<(), TlsError> {
        let read = if settings.cert_file.is_empty() { None } else { Some(Material::read(settings)?) };
        // The lock guards one value that is replaced whole; a panic cannot leave it half written.
        let mut known = self.material.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == read {
            return Ok(());
        }
        let config = read.as_ref().map(Material::config).transpose()?;
        if config.is_some() {
            info!("the certificate of {} is served from now on", settings.cert_file);
        }
        self.config.store(config.map(Arc::new));
        *known = read;
        Ok(())
    }
}

impl Material {
    fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let read = |path: &str| std::fs::read(path).map_err(|error| TlsError::Read(path.into(), error));
        let TlsSettings { cert_file, key_file, client_ca_file } = settings;
        let authorities = if client_ca_file.is_empty() { None } else { Some(read(client_ca_file)?) };
        Ok(Self { settings: settings.clone(), certificate: read(cert_file)?, key: read(key_file)?, authorities })
    }

    fn config(&self) -> Result<ServerConfig, TlsError> {
        let TlsSettings { cert_file, key_file, client_ca_file } = &self.settings;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?;
        let builder = match &self.authorities {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let roots = Arc::new(roots(Path::new(client_ca_file), pem)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = verifier.allow_unauthenticated().build().map_err(TlsError::Authorities)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = certificates(Path::new(cert_file), &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| TlsError::Pem {
            path: key_file.into(),
            what: "a private key",
            source,
        })?;
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|source| TlsError::Pem { path: path.to_owned(), what: "certificates", source })?;
    if chain.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(chain) }
}

fn roots(path: &Path, pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path, pem)? {
        roots.add(authority).map_err(|error| TlsError::Authority(path.to_owned(), error))?;
    }
    Ok(roots)
}
