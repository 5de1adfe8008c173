//! One line for whatever goes wrong.

use serde_json::{Value, json};

use super::*;
use crate::fixture::{PATIENCE, Served, Setup};

fn settings(server: &Served, token: &str) -> ClientSettings {
    ClientSettings { url: server.url(""), token: token.to_owned(), authorities: None, timeout: PATIENCE }
}

async fn get(server: &Served, token: &str, path: &str) -> Result<Value, String> {
    let client = Client::new(&settings(server, token)).unwrap();
    client.get(path, &[("name", "a b")]).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_answer_is_decoded() {
    let server = Setup::default().start().await;
    assert_eq!(get(&server, "t0ken", "/named").await, Ok(json!({"name": "a b"})));
    let client = Client::new(&settings(&server, "t0ken")).unwrap();
    assert_eq!(client.post::<Value>("/echo", &[], &json!({"name": "c"})).await.unwrap(), json!({"name": "c"}));
}

#[tokio::test]
async fn a_problem_is_told_in_one_line() {
    let server = Setup::default().start().await;
    let told = get(&server, "", "/named").await.unwrap_err();
    let url = server.url("/named?name=a+b");
    let detail = "this needs a token (accepted: Authorization: Bearer, X-API-Key)";
    assert_eq!(told, format!("GET {url}: 401 unauthorized: {detail}"));
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_told_with_its_status() {
    let server = Setup::default().start().await;
    let told = get(&server, "", "/open").await.unwrap_err();
    assert!(told.contains(": 200 OK: the answer is not understood: expected value at line 1 column 1"), "{told}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_by_its_cause() {
    let server = Setup::default().start().await;
    let settings = settings(&server, "t0ken");
    server.stop();
    server.ended().await;
    let error = Client::new(&settings).unwrap().get::<Value>("/open", &[]).await.unwrap_err().to_string();
    assert!(error.starts_with("GET http://127.0.0.1:") && error.contains("refused"), "{error}");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_and_a_token_never_shown() {
    let client = |url: &str| {
        let settings = ClientSettings { url: url.to_owned(), token: "t0ken".to_owned(), ..ClientSettings::default() };
        assert!(!format!("{settings:?}").contains("t0ken"));
        Client::new(&settings).map(|_| ()).map_err(|error| error.to_string())
    };
    for url in ["keelwatch", "ftp://keelwatch", "http://u:p@keelwatch", "http://keelwatch?a=b"] {
        let error = client(url).unwrap_err();
        assert!(error.starts_with("the address is") && error.contains("accepted: http://"), "{error}");
    }
}
