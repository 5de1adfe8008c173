//! Two replicas and what becomes of a request that reaches the wrong one.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use super::*;
use crate::Scope;
use crate::fixture::{Served, Setup, client};
use crate::settings::ListenSettings;

#[derive(Debug)]
struct Fixed(Leader);

impl Leaders for Fixed {
    fn leader(&self) -> Leader {
        self.0.clone()
    }
}

fn replica(leader: Leader, tls: LeaderTls) -> Setup {
    let mut setup = Setup { leaders: Some((Arc::new(Fixed(leader)), tls)), ..Setup::default() };
    setup.auth.tokens[0].scopes = vec![Scope::Write];
    setup
}

async fn start(leader: Leader) -> Served {
    replica(leader, LeaderTls::default()).start().await
}

/// Status and body of POST `/led`, with the credential and a body.
async fn post(server: &Served, headers: &[(&'static str, &'static str)]) -> (u16, String) {
    let request = client().post(server.url("/led")).header("authorization", "Bearer t0ken").body("body");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn kind(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_follower_asks_the_leader_with_the_credential_and_answers_what_it_answers() {
    let leader = start(Leader::Here).await;
    let follower = start(Leader::At(leader.address)).await;
    let headers = [("x-custom", "kept"), ("te", "trailers")];
    let here = leader.address;
    assert_eq!(post(&leader, &headers).await, (200, format!("Bearer t0ken - kept trailers {here} body")));
    assert_eq!(post(&follower, &headers).await, (200, format!("Bearer t0ken ?1 kept - {here} body")));
}

#[tokio::test]
async fn a_request_without_a_credential_does_not_reach_the_leader() {
    let leader = start(Leader::Here).await;
    let follower = start(Leader::At(leader.address)).await;
    assert_eq!(client().post(follower.url("/led")).send().await.unwrap().status(), 401);
    assert_eq!(leader.metrics().answers("/led", "POST", "401"), 0);
}

#[tokio::test]
async fn a_request_is_never_forwarded_twice() {
    let follower = start(Leader::At(([127, 0, 0, 1], 1).into())).await;
    let (status, body) = post(&follower, &[("keelwatch-forwarded", "?1")]).await;
    assert_eq!((status, kind(&body).as_str()), (503, "no-leader"));
}

#[tokio::test]
async fn without_a_leader_the_client_is_told_when_to_come_back() {
    let follower = start(Leader::Nowhere).await;
    let request = client().post(follower.url("/led")).header("authorization", "Bearer t0ken");
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    assert_eq!(kind(&response.text().await.unwrap()), "no-leader");
}

#[tokio::test]
async fn a_leader_whose_address_is_not_trusted_is_told_from_none() {
    let follower = start(Leader::Untrusted("the leader says that it is at 10.0.0.9:1".to_owned())).await;
    let (status, body) = post(&follower, &[]).await;
    assert_eq!((status, kind(&body).as_str()), (503, "not-leader"));
    assert!(body.contains("the leader says that it is at 10.0.0.9:1"), "{body}");
}

#[tokio::test]
async fn a_leader_that_is_gone_is_told_apart_from_none() {
    let leader = start(Leader::Here).await;
    let follower = start(Leader::At(leader.address)).await;
    leader.stop();
    leader.ended().await;
    let (status, body) = post(&follower, &[]).await;
    assert_eq!((status, kind(&body).as_str()), (503, "no-leader"), "{body}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_the_leader_hears_of_it() {
    let leader = start(Leader::Here).await;
    let follower = start(Leader::At(leader.address)).await;
    let request = client().post(follower.url("/led")).header("authorization", "Bearer t0ken");
    let response = request.body(vec![b'a'; 1024 * 1024 + 1]).send().await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(leader.metrics().answers("/led", "POST", "413"), 0);
}

#[test]
fn a_client_certificate_is_told_where_the_leader_is() {
    let address = ([192, 0, 2, 1], 18080).into();
    let forward = Forward::new(Arc::new(Fixed(Leader::At(address))), LeaderTls::default());
    let fault = forward.way(&HeaderMap::new(), Some("ci")).unwrap_err();
    let body = String::from_utf8(fault.body()).unwrap();
    assert_eq!((fault.status().as_u16(), kind(&body).as_str()), (503, "not-leader"));
    assert!(body.contains("the leader is at 192.0.2.1:18080"), "{body}");
    assert_eq!(
        forward.way(&HeaderMap::from_iter([(header::AUTHORIZATION, "Bearer a".parse().unwrap())]), Some("ci")),
        Ok(Way::To(address))
    );
}

#[tokio::test]
async fn a_leader_under_tls_is_verified_by_its_authority_and_name() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["keelwatch.internal".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut listen = ListenSettings::default();
    listen.tls.cert_file = file("cert.pem", certificate.pem());
    listen.tls.key_file = file("key.pem", key.serialize_pem());
    let ca_file = file("ca.pem", authority.pem());
    let leader = Setup { listen: listen.clone(), ..replica(Leader::Here, LeaderTls::default()) }.start().await;
    for (server_name, expected) in [("keelwatch.internal", 200), ("other.internal", 503)] {
        let tls = LeaderTls { ca_file: ca_file.clone(), server_name: server_name.to_owned() };
        let follower = replica(Leader::At(leader.address), tls);
        let follower = Setup { listen: listen.clone(), ..follower }.start().await;
        let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let client = crate::fixture::client_with(|builder| {
            builder.tls_certs_only([root]).resolve("keelwatch.internal", follower.address)
        });
        let url = format!("https://keelwatch.internal:{}/led", follower.address.port());
        let response = client.post(url).header("x-api-key", "t0ken").send().await.unwrap();
        assert_eq!(response.status(), expected);
    }
}
