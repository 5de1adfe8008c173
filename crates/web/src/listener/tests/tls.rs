//! Certificates: shown, changed while serving, asked of clients.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use reqwest::{Certificate, Client, Identity};
use runtime::probes::Check;
use tempfile::TempDir;

use crate::fixture::{Served, Setup, client_with};
use crate::settings::ListenSettings;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A directory with the files of a certificate.
struct Files {
    directory: TempDir,
}

impl Files {
    fn with(signed_by: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.replace(signed_by);
        files.write("ca.pem", &signed_by.pem());
        files
    }

    fn replace(&self, signed_by: &Authority) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        self.write("cert.pem", &params.signed_by(&key, signed_by).unwrap().pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.directory.path().join(name), content).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn settings(&self) -> ListenSettings {
        let mut listen = ListenSettings::default();
        listen.tls.cert_file = self.path("cert.pem");
        listen.tls.key_file = self.path("key.pem");
        listen
    }

    fn settings_asking_clients(&self) -> ListenSettings {
        let mut listen = self.settings();
        listen.tls.client_ca_file = self.path("ca.pem");
        listen
    }
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A client's certificate and key.
fn identity(common_name: &str, signed_by: &Authority) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, signed_by).unwrap();
    Identity::from_pem(format!("{}{}", certificate.pem(), key.serialize_pem()).as_bytes()).unwrap()
}

fn trusting(authority: &Authority) -> Client {
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    client_with(|builder| builder.tls_certs_only([root]))
}

async fn start(listen: ListenSettings) -> Served {
    Setup { listen, ..Setup::default() }.start().await
}

async fn get(client: &Client, server: &Served, path: &str) -> Result<u16, reqwest::Error> {
    let url = format!("https://{}{path}", server.address);
    Ok(client.get(url).send().await?.status().as_u16())
}

#[tokio::test]
async fn https_is_served_by_both_protocols() {
    let authority = authority();
    let server = start(Files::with(&authority).settings()).await;
    let response = trusting(&authority).get(format!("https://{}/open", server.address)).send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let by_http1 = client_with(|builder| builder.tls_certs_only([root]).http1_only());
    assert_eq!(get(&by_http1, &server, "/open").await.unwrap(), 200);
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections() {
    let (old, new) = (authority(), authority());
    let files = Files::with(&old);
    let server = start(files.settings()).await;
    assert_eq!(get(&trusting(&old), &server, "/open").await.unwrap(), 200);
    files.replace(&new);
    server.apply(&files.settings());
    assert_eq!(get(&trusting(&new), &server, "/open").await.unwrap(), 200);
    assert!(get(&trusting(&old), &server, "/open").await.is_err());
}

#[tokio::test]
async fn a_new_certificate_that_cannot_be_used_keeps_the_old_one() {
    let (old, new) = (authority(), authority());
    let files = Files::with(&old);
    let server = start(files.settings()).await;
    let key = std::fs::read_to_string(files.path("key.pem")).unwrap();
    let cases = [
        (
            "key.pem",
            KeyPair::generate().unwrap().serialize_pem(),
            "certificate and key cannot be used together".to_owned(),
        ),
        ("key.pem", String::new(), format!("{} holds no PEM of a private key", files.path("key.pem"))),
        ("cert.pem", String::new(), format!("{} holds no certificate", files.path("cert.pem"))),
    ];
    for (file, content, expected) in cases {
        files.write("key.pem", &key);
        files.write(file, &content);
        server.apply(&files.settings());
        let Check::Warn(told) = server.server.check() else { panic!("{file} is refused") };
        assert!(told.starts_with(&format!("the former certificate is served: {expected}")), "{told}");
        assert_eq!(get(&trusting(&old), &server, "/open").await.unwrap(), 200);
    }
    files.replace(&new);
    server.apply(&files.settings());
    assert_eq!(get(&trusting(&new), &server, "/open").await.unwrap(), 200);
    assert_eq!(server.server.check(), Check::Ok);
}

#[tokio::test]
async fn tls_is_turned_on_and_off_while_serving() {
    let authority = authority();
    let files = Files::with(&authority);
    let server = start(ListenSettings::default()).await;
    server.apply(&files.settings());
    assert_eq!(get(&trusting(&authority), &server, "/open").await.unwrap(), 200);
    server.apply(&ListenSettings::default());
    assert_eq!(crate::fixture::client().get(server.url("/open")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_common_name_of_a_client_certificate_stands_for_a_token() {
    let authority = authority();
    let server = start(Files::with(&authority).settings_asking_clients()).await;
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let with = |identity| client_with(|builder| builder.tls_certs_only([root.clone()]).identity(identity));
    assert_eq!(get(&with(identity("ci", &authority)), &server, "/read").await.unwrap(), 200);
    assert_eq!(get(&with(identity("cj", &authority)), &server, "/read").await.unwrap(), 401);
    assert_eq!(get(&trusting(&authority), &server, "/read").await.unwrap(), 401);
}

#[tokio::test]
async fn a_client_certificate_of_another_authority_is_refused() {
    let ours = authority();
    let server = start(Files::with(&ours).settings_asking_clients()).await;
    let root = Certificate::from_pem(ours.pem().as_bytes()).unwrap();
    let forged = identity("ci", &authority());
    let client = client_with(|builder| builder.tls_certs_only([root]).identity(forged));
    assert!(get(&client, &server, "/read").await.is_err());
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_under_tls_as_well() {
    let authority = authority();
    let files = Files::with(&authority);
    let mut listen = files.settings();
    listen.max_connections = 0;
    let server = start(listen).await;
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let by_http1 = client_with(|builder| builder.tls_certs_only([root]).http1_only());
    assert_eq!(get(&by_http1, &server, "/open").await.unwrap(), 503);
}
