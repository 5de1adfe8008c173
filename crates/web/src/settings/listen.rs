//! The section `listen`.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where and how this process serves HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListenSettings {
    /// Address of the API, `host:port`. Empty: `:9090` on a node, `:18080` on a controller. `:9090` means every address
    /// of the host.
    #[schemars(extend("x-applies" = "start"))]
    pub api: String,
    /// Address of metrics and probes, `host:port`. Empty: `:8080` on a node, `:9090` on a controller. 64 connections
    /// are kept for it that connections to the API never use.
    #[schemars(extend("x-applies" = "start"))]
    pub metrics: String,
    /// TLS of the API listener. Without a certificate it speaks plain HTTP.
    pub tls: TlsSettings,
    /// How people reach the controller, such as `https://keelwatch.example`. Empty: links in messages are left out.
    pub external_url: String,
    /// Connections to the API at the same time. One more is answered 503 and closed.
    #[schemars(range(min = 10, max = 100_000))]
    pub max_connections: u32,
    /// From the first byte of a request to the end of its headers; then the connection is closed.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1s", "x-max" = "60s"))]
    pub header_timeout: Duration,
    /// From the end of the headers to the start of the answer. Not for event streams.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "1s", "x-max" = "10m"))]
    pub request_timeout: Duration,
    /// A connection without a request is closed after this time.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "5s", "x-max" = "10m"))]
    pub idle_timeout: Duration,
}

/// TLS by mounted files, read again when they change. A new certificate that cannot be used keeps the old one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate and its chain, PEM. Goes with `key_file`.
    pub cert_file: String,
    /// The private key, PEM. Goes with `cert_file`.
    pub key_file: String,
    /// Authorities of client certificates, PEM. Given: clients are asked for a certificate, whose common name is the
    /// name of a token.
    pub client_ca_file: String,
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self {
            api: String::new(),
            metrics: String::new(),
            tls: TlsSettings::default(),
            external_url: String::new(),
            max_connections: 2000,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_secs(75),
        }
    }
}

impl ListenSettings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let addresses = [("api", &self.api), ("metrics", &self.metrics)];
        let mut faults: Vec<(String, String)> = addresses
            .into_iter()
            .filter(|(_, address)| !is_address(address))
            .map(|(path, _)| fault(path, "is not an address (accepted: host:port, :port, or empty)"))
            .collect();
        if self.api == self.metrics && !self.api.is_empty() && !self.api.ends_with(":0") {
            faults.push(fault("metrics", "is the address of listen.api too (accepted: another one)"));
        }
        if !self.external_url.is_empty() && !is_web_address(&self.external_url) {
            let message = "is not a web address (accepted: http:// or https://, a host, and a path if needed)";
            faults.push(fault("external_url", message));
        }
        faults.extend(self.tls.check());
        faults
    }
}

impl TlsSettings {
    /// The files that are named, to be watched for changes.
    pub fn files(&self) -> Vec<PathBuf> {
        let named = [&self.cert_file, &self.key_file, &self.client_ca_file];
        named.into_iter().filter(|file| !file.is_empty()).map(PathBuf::from).collect()
    }

    fn check(&self) -> Option<(String, String)> {
        match (self.cert_file.is_empty(), self.key_file.is_empty(), self.client_ca_file.is_empty()) {
            (false, true, _) => Some(fault("tls.cert_file", "needs listen.tls.key_file (accepted: both or neither)")),
            (true, false, _) => Some(fault("tls.key_file", "needs listen.tls.cert_file (accepted: both or neither)")),
            (true, true, false) => {
                let message = "needs a certificate (accepted: with listen.tls.cert_file and listen.tls.key_file)";
                Some(fault("tls.client_ca_file", message))
            }
            (false, false, _) | (true, true, true) => None,
        }
    }
}

fn fault(path: &str, message: &str) -> (String, String) {
    (path.to_owned(), message.to_owned())
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return text.is_empty() };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')),
    };
    is_host && port.parse::<u16>().is_ok()
}

fn is_web_address(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.query().is_none()
            && !text.contains('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: &ListenSettings, expected: &[&str]) {
        let faults = settings.check();
        assert_eq!(faults.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), expected);
    }

    fn tls(cert_file: &str, key_file: &str, client_ca_file: &str) -> ListenSettings {
        let owned = str::to_owned;
        let tls = TlsSettings {
            cert_file: owned(cert_file),
            key_file: owned(key_file),
            client_ca_file: owned(client_ca_file),
        };
        ListenSettings { tls, ..ListenSettings::default() }
    }

    #[test]
    fn the_defaults_contradict_nothing() {
        check(&ListenSettings::default(), &[]);
    }

    #[test]
    fn certificate_and_key_go_together_and_client_certificates_need_both() {
        check(&tls("cert.pem", "key.pem", "ca.pem"), &[]);
        check(&tls("cert.pem", "", ""), &["tls.cert_file"]);
        check(&tls("", "key.pem", "ca.pem"), &["tls.key_file"]);
        check(&tls("", "", "ca.pem"), &["tls.client_ca_file"]);
    }

    #[test]
    fn addresses_are_host_and_port_and_differ() {
        let listen = |api: &str, metrics: &str| ListenSettings {
            api: api.to_owned(),
            metrics: metrics.to_owned(),
            ..ListenSettings::default()
        };
        check(&listen("127.0.0.1:0", "127.0.0.1:0"), &[]);
        check(&listen(":9090", "[::1]:8080"), &[]);
        check(&listen("localhost:9090", "node-1.example:8080"), &[]);
        check(&listen("9090", "::1:99999"), &["api", "metrics"]);
        check(&listen(":9090", ":9090"), &["metrics"]);
    }

    #[test]
    fn the_external_url_is_a_web_address_without_query_and_user() {
        let url = |text: &str| ListenSettings { external_url: text.to_owned(), ..ListenSettings::default() };
        check(&url("https://keelwatch.example/ui"), &[]);
        for bad in ["keelwatch.example", "ftp://keelwatch.example", "https://u:p@k.example", "https://k.example?a=1"] {
            check(&url(bad), &["external_url"]);
        }
    }
}
