//! A listener with routes of every kind, for tests over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use jiff::Timestamp;
use runtime::clock::ManualClock;
use runtime::metrics::Registry;
use runtime::shutdown::{Stop, Stopper};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::access::BasicAuth;
use crate::forward::{LeaderTls, Leaders};
use crate::metrics::HttpMetrics;
use crate::openapi::Info;
use crate::routes::{get, post};
use crate::settings::{AuthSettings, ListenSettings, TokenSettings};
use crate::{Fault, Json, Listener, Path, Purpose, Query, Routes, Scope, Server};

/// SHA-256 of `t0ken`.
pub(crate) const SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

/// Longer than anything that is waited for on a machine under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that stands at the beginning of all time.
pub(crate) fn frozen() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH))
}

/// What a server is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) purpose: Purpose,
    pub(crate) listen: ListenSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) leaders: Option<(Arc<dyn Leaders>, LeaderTls)>,
    pub(crate) drain: Duration,
}

/// A server that is served until it is stopped or dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    auth: AuthSettings,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Default for Setup {
    fn default() -> Self {
        let token = TokenSettings {
            name: "ci".to_owned(),
            sha256: SHA256.to_owned(),
            scopes: vec![Scope::Read],
            ..TokenSettings::default()
        };
        Self {
            purpose: Purpose::Api,
            listen: ListenSettings::default(),
            auth: AuthSettings { tokens: vec![token], ..AuthSettings::default() },
            leaders: None,
            drain: PATIENCE,
        }
    }
}

impl Setup {
    pub(crate) fn listen(change: impl FnOnce(&mut ListenSettings)) -> Self {
        let mut setup = Self::default();
        change(&mut setup.listen);
        setup
    }

    pub(crate) async fn start(self) -> Served {
        let Self { purpose, listen, auth, leaders, drain } = self;
        let server = Server::new(&listen, &auth, frozen(), &mut Registry::default()).unwrap();
        let server = match leaders {
            Some((leaders, tls)) => server.with_leaders(leaders, tls),
            None => server,
        };
        let basic = BasicAuth::new();
        basic.set("scraper", "pass");
        let routes = routes(&basic).documented(Info { title: "Keelwatch test", version: "1.2.3" });
        let listener = Listener::bind(purpose, "127.0.0.1:0").await.unwrap();
        let address = listener.address();
        let (stopper, stop) = Stop::channel();
        let task = tokio::spawn(server.clone().serve(listener, routes, stop, drain));
        Served { address, server, auth, stopper, task }
    }
}

impl Served {
    pub(crate) fn metrics(&self) -> &HttpMetrics {
        self.server.metrics()
    }

    /// Takes a changed section `listen`.
    pub(crate) fn apply(&self, listen: &ListenSettings) {
        self.server.apply(listen, &self.auth);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes and reads all that comes back until the server closes.
    pub(crate) async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read_to_close(&mut stream).await
    }

    /// Asks the server to stop, and does not wait for it.
    pub(crate) fn stop(&self) {
        self.stopper.stop();
    }

    pub(crate) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// All bytes until the other side closes or resets.
pub(crate) async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    let text = String::from_utf8(bytes).unwrap();
    match read {
        Ok(_) => text,
        Err(error) => format!("{text}<{}>", error.kind()),
    }
}

pub(crate) fn client() -> reqwest::Client {
    client_with(|builder| builder)
}

pub(crate) fn client_with(change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> reqwest::Client {
    crate::crypto::install();
    change(reqwest::Client::builder().no_proxy().timeout(PATIENCE)).build().unwrap()
}

/// Waits until `condition` holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, holds).await.expect("the condition comes to hold");
}

/// Routes of every kind; `basic` may use `/former`.
pub(crate) fn routes(basic: &BasicAuth) -> Routes {
    Routes::new()
        .open(get("/open", "Is open.", async || "open"))
        .open(get("/long", "Takes long queries.", async || "long").uri_bytes(32 * 1024))
        .open(post("/body", "Measures a body.", async |body: Bytes| body.len().to_string()))
        .open(post("/ignored-body", "Reads no body.", async || "not read"))
        .open(get("/panic", "Panics.", panics))
        .open(get("/never", "Never ends.", std::future::pending::<&str>))
        .read(get("/read", "Reads.", async || "read"))
        .read(get("/named", "Answers its query.", async |Query(named): Query<Named>| Json(named)))
        .read(get("/items/{name}", "Answers its path.", async |Path(named): Path<Named>| Json(named)))
        .read(post("/echo", "Answers its body.", async |Json(named): Json<Named>| Json(named)).body_bytes(64))
        .write(post("/read", "Writes.", async || "written"))
        .beat(post("/beat/{agent_id}", "Beats.", async || "beat"))
        .admin(get("/admin", "Administers.", async || "admin"))
        .write(post("/led", "Needs the leader.", led).on_leader())
        .read(
            get("/former", "Speaks as the former tools did.", former).in_former_words().basic_auth(basic).deprecated(),
        )
}

/// Echoes what a leader sees of a request.
async fn led(headers: HeaderMap, body: Bytes) -> String {
    let seen = ["authorization", "keelwatch-forwarded", "x-custom", "te", "host"]
        .map(|name| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned());
    format!("{} {}", seen.join(" "), String::from_utf8_lossy(&body))
}

/// Finds only what is called `a`.
async fn former(Query(named): Query<Named>) -> Result<Json<Named>, Fault> {
    match named.name.as_str() {
        "a" => Ok(Json(named)),
        name => Err(Fault::not_found(format!("{name} not found")).with_hint("ask for a")),
    }
}

/// Something with a name.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    /// The name.
    name: String,
}

async fn panics() -> &'static str {
    panic!("a test wants this panic")
}
