//! `keelwatch demo`: everything at once over a simulated cluster, or the simulated API alone.
//!
//! Owns what is simulated and the kubeconfig that tells of it. How a cluster behaves is `simcluster`'s; the roles run as
//! they always do and cannot tell.
//!
//! ```text
//! simcluster ─► kubeconfig ─► controller ◄─── curl, keelwatch get
//!     └─► trees of 3 nodes ─► 3 node roles
//!         /proc of this host ─► 1 node role
//! ```

mod kubeconfig;
mod miner;
mod roles;
mod together;
mod words;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use api::Clock;
use jiff::Timestamp;
use runtime::clock::SystemClock;
use runtime::shutdown::Stop;
use simcluster::population::Sizes;
use simcluster::schema::DEFINITIONS;
use simcluster::{Settings, SimCluster, User};

use crate::cli;
use crate::exit::{Exit, tolerate_closed};
use crate::role::{Limits, until_a_signal};
use kubeconfig::Kubeconfig;

/// A simulation ends at once; the roles take what a controller takes.
const LIMITS: Limits = Limits { stop: Duration::from_secs(20), workers: None };

/// How big the cluster is, if nobody says.
#[derive(Debug, Clone, Copy)]
struct Usual {
    nodes: u32,
    pods: u32,
}

/// Serves until a signal. Bad arguments have ended with 2; what fails later ends with 1.
pub(crate) fn run(args: &cli::Demo) -> anyhow::Result<Exit> {
    match (args.api_only, args.print_settings) {
        (true, _) => until_a_signal(LIMITS, |stop| api_only(args, stop)),
        (false, true) => together::print_settings(args),
        (false, false) => together::run(args),
    }
}

async fn api_only(args: &cli::Demo, stop: Stop) -> anyhow::Result<()> {
    const USUAL: Usual = Usual { nodes: 20, pods: 1_000 };
    const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 6443);
    let cluster = start(args, USUAL, args.listen.unwrap_or(LISTEN), args.token.as_deref()).await?;
    let kubeconfig = Kubeconfig::write(args.kubeconfig.as_deref(), &cluster)?;
    let file = kubeconfig.path().display();
    let text = format!(
        "simulated Kubernetes API on {}: {} nodes, {} pods, seed {}\n\
         try: kubectl --kubeconfig {file} get nodes\n     \
         kubectl --kubeconfig {file} get pods -A -o wide\n     \
         kubectl --kubeconfig {file} get pods -A -w\n\
         end with Ctrl-C\n",
        cluster.url().expect("a demo listens"),
        args.nodes.unwrap_or(USUAL.nodes),
        args.pods.unwrap_or(USUAL.pods),
        args.seed
    );
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    stop.requested().await;
    Ok(())
}

/// The simulated cluster, served at `listen`; with a token only whoever has it is an administrator.
async fn start(args: &cli::Demo, usual: Usual, listen: SocketAddr, token: Option<&str>) -> anyhow::Result<SimCluster> {
    let now = SystemClock::new().now();
    let settings = Settings {
        seed: args.seed,
        starts_at: now,
        population: Some(sizes(args, usual, now)),
        churn: args.churn,
        crds: DEFINITIONS.iter().map(|definition| definition.name.to_owned()).collect(),
        ..Settings::default()
    };
    let mut builder = SimCluster::builder().settings(settings).listen(listen);
    if let Some(token) = token {
        let admin = User { name: "demo".to_owned(), groups: vec!["system:masters".to_owned()] };
        builder = builder.token(token, admin);
    }
    builder.start().await.context("failed to serve the simulated API")
}

/// As many tenants and images as a cluster of so many pods has: 40 pods a namespace, 8 an image.
fn sizes(args: &cli::Demo, usual: Usual, now: Timestamp) -> Sizes {
    let (nodes, pods) = (args.nodes.unwrap_or(usual.nodes), args.pods.unwrap_or(usual.pods));
    let namespaces = (pods / 40).clamp(1, 10_000);
    let images = (pods / 8).clamp(1, 20_000);
    Sizes { nodes, pods, namespaces, images, arm64: 0.1, now }
}
