//! The whole demo: a simulated cluster, a controller, three simulated nodes and this machine, in one process.
//!
//! Owns the order in which they start and end. Nothing is left behind, whichever way it ends.

use std::convert::Infallible;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::Clock;
use runtime::clock::SystemClock;
use runtime::settings::Live;
use runtime::shutdown::Stop;
use runtime::telemetry::Telemetry;
use serde_json::json;
use simcluster::nodes::Fleet;
use simcluster::{Section, SimCluster};
use tracing::warn;

use super::kubeconfig::{Kubeconfig, temporary_folder};
use super::metrics::Metrics;
use super::roles::{Common, NAMESPACE, Role};
use super::service::Addresses;
use super::words::{Shown, words};
use super::{LIMITS, Served, Usual, gateway, miner, simulated, start};
use crate::cli;
use crate::exit::{Exit, tolerate_closed};
use crate::role::{self, Running, Start, until_a_signal};
use crate::{controller, node, random, settings};

const USUAL: Usual = Usual { nodes: 3, pods: 60 };

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18080);

/// Nodes with a process tree; more would only write more files.
const TREES: usize = 3;

/// How often trees follow the cluster: a second later a pass sees it.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// Runs it until a signal.
pub(super) fn run(args: &cli::Demo, set: &Section) -> anyhow::Result<Exit> {
    let simulated = simulated(args, USUAL, set);
    until_a_signal(LIMITS, |stop| show(args, &simulated, stop))
}

/// Writes the settings that [`run`] would start its roles by.
pub(super) fn print_settings(args: &cli::Demo) -> anyhow::Result<Exit> {
    let kubeconfig = args.kubeconfig.clone().unwrap_or_else(|| "kubeconfig".into());
    let common = Common::new(&token(args)?, &kubeconfig, Addresses { port: 9090 }, Path::new("/keelwatch-demo"));
    let trees = (0..TREES).map(|place| {
        let name = format!("node-{}", place + 1);
        common.simulated(place, &name, &Path::new("/trees").join(&name))
    });
    let roles = [common.controller(&listen(args)?)].into_iter().chain(trees);
    let roles = roles.chain([common.real(TREES, &this_machine())]);
    let texts: Vec<String> = roles.map(|role| role.text).collect();
    tolerate_closed(anstream::stdout().write_all(texts.join("---\n").as_bytes()))?;
    Ok(Exit::Clean)
}

async fn show(args: &cli::Demo, simulated: &Section, stop: Stop) -> anyhow::Result<()> {
    let (token, address) = (token(args)?, listen(args)?);
    let cluster = start(simulated, &Served::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).await?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    cluster.put(namespace).map_err(|status| anyhow::anyhow!("failed to make the namespace: {status:?}"))?;
    let kubeconfig = Kubeconfig::write(args.kubeconfig.as_deref(), &cluster)?;
    let metrics = Metrics::serve(&cluster, args.metrics, &stop).await?;
    let names = names(&cluster);
    let mut fleet = Fleet::boot(&cluster, &names.iter().map(String::as_str).collect::<Vec<_>>())
        .context("failed to boot the simulated nodes")?;
    let folder = temporary_folder()?;
    let addresses = Addresses::free()?;
    let common = Common::new(&token, kubeconfig.path(), addresses, folder.path());
    common.write(&token)?;
    let mut starter =
        Starter { folder: folder.path(), clock: Arc::new(SystemClock::new()), stop: stop.clone(), log: None };
    let mut nodes = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let proc = fleet.node(name).context("a node that was booted is there")?.proc().to_owned();
        nodes.push((name.clone(), starter.start(&common.simulated(place, name, &proc), node::start).await?));
    }
    let this_machine = this_machine();
    let real = common.real(nodes.len(), &this_machine);
    nodes.push((this_machine, starter.start(&real, node::start).await?));
    // The first collection, which is at once, then finds them all.
    addresses.publish(&cluster, &nodes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
    let controller = starter.start(&common.controller(&address), controller::start).await?;

    let host = miner::host(&cluster, &names);
    if let Some(host) = &host {
        gateway::open(&cluster, host)?;
    }
    let shown = Shown {
        simulated,
        token: &token,
        cluster: &cluster,
        metrics: metrics.address,
        kubeconfig: kubeconfig.path(),
        host: host.as_ref(),
    };
    tolerate_closed(anstream::stdout().write_all(words(&shown, &controller, &nodes).as_bytes()))?;
    let playing = async {
        if let Some(host) = &host {
            miner::play(&cluster, host).await;
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        () = stop.requested() => {}
        never = follow(&mut fleet, &cluster) => match never {},
        never = playing => match never {},
    }
    for running in nodes.into_iter().map(|(_, running)| running).chain([controller]) {
        running.ended.await;
    }
    role::join([metrics.serving]).await;
    Ok(())
}

/// Starts roles, one log for all of them.
struct Starter<'a> {
    folder: &'a Path,
    clock: Arc<dyn Clock>,
    stop: Stop,
    log: Option<Telemetry>,
}

impl Starter<'_> {
    async fn start<F>(&mut self, role: &Role, start: impl FnOnce(Start) -> F) -> anyhow::Result<Running>
    where
        F: Future<Output = anyhow::Result<Running>>,
    {
        let environment = settings::environment();
        let live = Live::new(settings::read_in(Some(&role.write(self.folder)?), &environment)?);
        let log = match &self.log {
            Some(log) => log.clone(),
            None => self.log.insert(role::start_log(&live.current(), &self.clock)?).clone(),
        };
        let (clock, stop) = (Arc::clone(&self.clock), self.stop.clone());
        start(Start { live, environment, log, clock, stop })
            .await
            .with_context(|| format!("failed to start {}", role.name))
    }
}

/// Keeps the trees at what the cluster says.
async fn follow(fleet: &mut Fleet, cluster: &SimCluster) -> Infallible {
    let mut times = tokio::time::interval(FOLLOW_EVERY);
    loop {
        times.tick().await;
        // Files of a temporary folder; a disk that hangs would hang every scan of them too.
        if let Err(error) = tokio::task::block_in_place(|| fleet.follow(cluster)) {
            warn!("failed to follow the simulated cluster: {:#}", anyhow::Error::new(error));
        }
    }
}

fn this_machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The nodes that get a process tree.
fn names(cluster: &SimCluster) -> Vec<String> {
    let nodes = cluster.list("nodes", "", "").unwrap_or_default();
    let names = nodes.iter().filter_map(|node| Some(node["metadata"]["name"].as_str()?.to_owned()));
    names.take(TREES).collect()
}

/// Where the controller listens. What it says of this machine is real, and it says it in plain HTTP.
fn listen(args: &cli::Demo) -> anyhow::Result<String> {
    let address = args.listen.unwrap_or(LISTEN);
    if !address.ip().is_loopback() {
        bail!(
            "--listen: {address} is no loopback address (accepted: one such as {LISTEN}; or --api-only with --tls and --token)"
        );
    }
    Ok(address.to_string())
}

/// The token that was given, or one that nobody can guess.
fn token(args: &cli::Demo) -> anyhow::Result<String> {
    match &args.token {
        Some(token) => Ok(token.clone()),
        None => Ok(api::hex(&random::bytes::<16>()?)),
    }
}
