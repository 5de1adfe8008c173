//! The cryptography of clients: ring, for the whole process.

/// Installs it unless it is; clients of `reqwest` ask the process for it.
pub(crate) fn install() {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
