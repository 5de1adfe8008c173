//! `keelwatch demo --api-only`: a simulated Kubernetes API server, for kubectl and for trying things.
//!
//! Owns the kubeconfig it writes and what it says at the start. What is simulated, and how, is `simcluster`'s.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use api::Clock;
use jiff::Timestamp;
use runtime::clock::SystemClock;
use runtime::shutdown::{Ended, Signals, Stop};
use simcluster::population::Sizes;
use simcluster::schema::DEFINITIONS;
use simcluster::{Settings, SimCluster, User};

use crate::cli;
use crate::exit::{Exit, complain, tolerate_closed};

/// The service of a simulation ends at once; this is only the bound.
const DRAIN: Duration = Duration::from_secs(5);

/// A kubeconfig on disk.
struct Kubeconfig {
    path: PathBuf,
    /// Removed with this, unless the user named the file.
    _folder: Option<tempfile::TempDir>,
}

/// Serves until a signal. Bad arguments have ended with 2; what fails later ends with 1.
pub(crate) fn run(args: &cli::Demo) -> anyhow::Result<Exit> {
    let workers = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    let served = workers.block_on(serve(args));
    workers.shutdown_background();
    Ok(served.unwrap_or_else(|error| {
        complain(&error);
        Exit::Findings
    }))
}

async fn serve(args: &cli::Demo) -> anyhow::Result<Exit> {
    let signals = Signals::listen().context("failed to listen for signals")?;
    let (stopper, stop) = Stop::channel();
    let ended = signals.run(stopper, DRAIN, simulate(args, stop)).await;
    match ended {
        Ended::Finished(result) => result.map(|()| Exit::Clean),
        Ended::Overdue => Ok(Exit::Clean),
        Ended::Interrupted => Ok(Exit::Findings),
    }
}

async fn simulate(args: &cli::Demo, stop: Stop) -> anyhow::Result<()> {
    let cluster = start(args).await?;
    let url = cluster.url().expect("a demo listens");
    let kubeconfig = Kubeconfig::write(args.kubeconfig.as_deref(), &cluster)?;
    let file = kubeconfig.path.display();
    let text = format!(
        "simulated Kubernetes API on {url}: {} nodes, {} pods, seed {}\n\
         try: kubectl --kubeconfig {file} get nodes\n     \
         kubectl --kubeconfig {file} get pods -A -o wide\n     \
         kubectl --kubeconfig {file} get pods -A -w\n\
         end with Ctrl-C\n",
        args.nodes, args.pods, args.seed
    );
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    stop.requested().await;
    Ok(())
}

async fn start(args: &cli::Demo) -> anyhow::Result<SimCluster> {
    let now = SystemClock::new().now();
    let settings = Settings {
        seed: args.seed,
        starts_at: now,
        population: Some(sizes(args, now)),
        churn: args.churn,
        crds: DEFINITIONS.iter().map(|definition| definition.name.to_owned()).collect(),
        ..Settings::default()
    };
    let mut builder = SimCluster::builder().settings(settings).listen(args.listen);
    if let Some(token) = &args.token {
        let admin = User { name: "demo".to_owned(), groups: vec!["system:masters".to_owned()] };
        builder = builder.token(token, admin);
    }
    builder.start().await.context("failed to serve the simulated API")
}

/// As many tenants and images as a cluster of so many pods has: 40 pods a namespace, 8 an image.
fn sizes(args: &cli::Demo, now: Timestamp) -> Sizes {
    let namespaces = (args.pods / 40).clamp(1, 10_000);
    let images = (args.pods / 8).clamp(1, 20_000);
    Sizes { nodes: args.nodes, pods: args.pods, namespaces, images, arm64: 0.1, now }
}

impl Kubeconfig {
    /// Writes it where the user asked for it, else into a folder that goes with this. It may hold a token, so nobody
    /// else can read it.
    fn write(named: Option<&Path>, cluster: &SimCluster) -> anyhow::Result<Self> {
        let text = cluster.kubeconfig().expect("a demo listens");
        let (path, folder) = if let Some(path) = named {
            (path.to_owned(), None)
        } else {
            let folder = tempfile::Builder::new().prefix("keelwatch-demo-").tempdir();
            let folder = folder.context("failed to make a temporary folder")?;
            (folder.path().join("kubeconfig"), Some(folder))
        };
        let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("failed to write the kubeconfig `{}`", path.display()))?;
        Ok(Self { path, _folder: folder })
    }
}
