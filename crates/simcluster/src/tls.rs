//! The certificate of a cluster that is served over TLS.
//!
//! Owns an authority and a certificate of it, both made at the start and never written down. Who is asked for a token is
//! `access`'.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// Names that clients know a cluster by, beside its address.
const NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc.cluster.local"];

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It could not be made.
    #[error("failed to make a certificate")]
    Make(#[source] rcgen::Error),
    /// It cannot be used.
    #[error("failed to use the certificate")]
    Use(#[source] rustls::Error),
}

/// What is shown to clients, and how they know that it is right.
#[derive(Clone)]
pub(crate) struct Identity {
    /// PEM of the authority.
    pub(crate) authority: String,
    pub(crate) acceptor: TlsAcceptor,
}

impl Identity {
    /// A certificate for an address, and for this machine.
    pub(crate) fn make(address: IpAddr) -> Result<Self, TlsError> {
        let (authority, certificate, key) = issue(address).map_err(TlsError::Make)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Use)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        let mut config = config.map_err(TlsError::Use)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { authority, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

type Issued = (String, rustls::pki_types::CertificateDer<'static>, PrivateKeyDer<'static>);

fn issue(address: IpAddr) -> Result<Issued, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "simcluster authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut names: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    if address != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        names.push(address.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "simcluster");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("rcgen writes keys that rustls reads");
    Ok((authority.pem(), certificate.der().clone(), key))
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("authority", &self.authority).finish_non_exhaustive()
    }
}
