//! The stack of layers between a request and a socket.
//!
//! Owns what kube's own stack would do differently: nothing is sent again by itself, because who asks has a pace of its own, and a
//! failure is logged where it is handled, once.

use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt};
use tower::util::BoxService;
use tower::{BoxError, ServiceBuilder, ServiceExt};

/// A connection that takes longer does not come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Bytes read at once. Without this bound the buffer of each watch grows to half a MiB with the first list, and stays so.
const READ_BYTES: usize = 64 << 10;

/// A peer that vanished is noticed after about this long, even on a quiet watch.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

type Answer = http::Response<hyper::body::Incoming>;

/// A service that reaches the server of `config`: TLS, credentials that are read again, impersonation.
pub(super) fn connect(config: &Config) -> Result<BoxService<http::Request<Body>, Answer, BoxError>, kube::Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT));
    http.set_keepalive(Some(KEEP_ALIVE));
    let https = config.rustls_https_connector_with_connector(http)?;
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).http1_max_buf_size(READ_BYTES).build(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(service.boxed())
}
