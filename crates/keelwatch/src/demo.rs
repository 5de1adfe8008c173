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

mod gateway;
mod kubeconfig;
mod metrics;
mod miner;
mod roles;
mod service;
mod together;
mod words;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use api::Clock;
use runtime::clock::SystemClock;
use runtime::shutdown::Stop;
use simcluster::{Section, SimCluster, User};

use crate::cli;
use crate::exit::{Exit, tolerate_closed};
use crate::role::{Limits, join, until_a_signal};
use kubeconfig::Kubeconfig;
use metrics::Metrics;

/// A simulation ends at once; the roles take what a controller takes.
const LIMITS: Limits = Limits { stop: Duration::from_secs(20), workers: |cores| cores };

/// How big the cluster is, if nobody says.
#[derive(Debug, Clone, Copy)]
struct Usual {
    nodes: u32,
    pods: u32,
}

/// Where the API is served, and to whom.
#[derive(Debug, Clone, Copy)]
struct Served<'a> {
    listen: SocketAddr,
    /// The one token, if there is any.
    token: Option<&'a str>,
    tls: bool,
}

/// Serves until a signal. Bad arguments and settings have ended with 2; what fails later ends with 1.
pub(crate) fn run(args: &cli::Demo, settings: Option<&Path>) -> anyhow::Result<Exit> {
    let set = crate::settings::read(settings)?.settings().demo.cluster.clone();
    match (args.api_only, args.print_settings) {
        (true, _) => until_a_signal(LIMITS, |stop| api_only(args, &set, stop)),
        (false, true) => together::print_settings(args),
        (false, false) => together::run(args, &set),
    }
}

async fn api_only(args: &cli::Demo, set: &Section, stop: Stop) -> anyhow::Result<()> {
    const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 6443);
    let default = Section::default();
    let simulated = simulated(args, Usual { nodes: default.nodes, pods: default.pods }, set);
    let listen = args.listen.unwrap_or(LISTEN);
    let cluster = start(&simulated, &Served { listen, token: args.token.as_deref(), tls: args.tls }).await?;
    let kubeconfig = Kubeconfig::write(args.kubeconfig.as_deref(), &cluster)?;
    let metrics = Metrics::serve(&cluster, args.metrics, &stop).await?;
    let file = kubeconfig.path().display();
    let text = format!(
        "simulated Kubernetes API on {}: {} nodes, {} pods, seed {}\n\
         try: kubectl --kubeconfig {file} get nodes\n     \
         kubectl --kubeconfig {file} get pods -A -o wide\n     \
         kubectl --kubeconfig {file} get pods -A -w\n\
         its metrics are on http://{}/metrics; end with Ctrl-C\n",
        cluster.url().expect("a demo listens"),
        simulated.nodes,
        simulated.pods,
        simulated.seed,
        metrics.address,
    );
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    stop.requested().await;
    join([metrics.serving]).await;
    Ok(())
}

/// What is simulated: what the command line says, else what is set, else what is usual. As many tenants and images as a
/// cluster of so many pods has: 40 pods a namespace, 8 an image.
fn simulated(args: &cli::Demo, usual: Usual, set: &Section) -> Section {
    let default = Section::default();
    let chosen = |set, default, usual| if set == default { usual } else { set };
    let nodes = args.nodes.unwrap_or_else(|| chosen(set.nodes, default.nodes, usual.nodes));
    let pods = args.pods.unwrap_or_else(|| chosen(set.pods, default.pods, usual.pods));
    Section {
        seed: args.seed.unwrap_or(set.seed),
        churn: args.churn.unwrap_or(set.churn),
        nodes,
        pods,
        namespaces: chosen(set.namespaces, default.namespaces, (pods / 40).clamp(1, 10_000)),
        images: chosen(set.images, default.images, (pods / 8).clamp(1, 20_000)),
        ..set.clone()
    }
}

/// The simulated cluster; with a token only whoever has it is an administrator.
async fn start(simulated: &Section, served: &Served<'_>) -> anyhow::Result<SimCluster> {
    let settings = simulated.settings(SystemClock::new().now());
    let mut builder = SimCluster::builder().settings(settings).listen(served.listen);
    if let Some(token) = served.token {
        let admin = User { name: "demo".to_owned(), groups: vec!["system:masters".to_owned()] };
        builder = builder.token(token, admin);
    }
    if served.tls {
        builder = builder.tls();
    }
    builder.start().await.context("failed to serve the simulated API")
}

impl Served<'_> {
    /// On this machine, to everybody there.
    fn at(listen: SocketAddr) -> Self {
        Self { listen, token: None, tls: false }
    }
}
