//! What the demo says when it has started.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use simcluster::nodes::RUN;
use simcluster::{Section, SimCluster};

use super::miner::{COMMAND, Host, STARTS, STOPS};
use crate::role::Running;

/// What is told, besides where the roles listen.
pub(super) struct Shown<'a> {
    pub(super) simulated: &'a Section,
    pub(super) token: &'a str,
    pub(super) cluster: &'a SimCluster,
    /// Where the metrics of the simulated API server are served.
    pub(super) metrics: SocketAddr,
    pub(super) kubeconfig: &'a Path,
    /// Where the miner starts by itself.
    pub(super) host: Option<&'a Host>,
}

/// Addresses, a token, commands to try. The last of `nodes` is this machine.
pub(super) fn words(shown: &Shown<'_>, controller: &Running, nodes: &[(String, Running)]) -> String {
    let Shown { simulated, token, cluster, metrics, kubeconfig, host } = shown;
    let Section { nodes: count, pods, seed, .. } = simulated;
    let file = kubeconfig.display();
    let mut text = format!(
        "keelwatch demo: a simulated cluster of {count} nodes and {pods} pods, seed {seed}, and this machine\n\n  \
         controller   http://{}  metrics http://{}\n  \
         api server   {}  metrics http://{metrics}  kubeconfig {file}\n",
        controller.api,
        controller.metrics,
        cluster.url().expect("a demo listens"),
    );
    for (position, (name, running)) in nodes.iter().enumerate() {
        let kind = if position + 1 == nodes.len() { "real, this machine" } else { "simulated" };
        let _ = writeln!(
            text,
            "  node         http://{}  metrics http://{}  {name} ({kind})",
            running.api, running.metrics
        );
    }
    let _ = writeln!(text, "  token        {token}\n");
    match host {
        Some(Host { namespace, name }) => {
            let (starts, stops) = (STARTS.as_secs(), STOPS.as_secs());
            let _ = writeln!(
                text,
                "a miner starts in pod {namespace}/{name} {starts} s from now, and stops {stops} s from now\n"
            );
        }
        None => text.push_str("no simulated pod runs where a miner could start by itself\n\n"),
    }
    let _ = write!(
        text,
        "try, in another terminal:\n  \
         KEELWATCH_SERVER=http://{} KEELWATCH_TOKEN={token} {program} get findings -o wide\n  \
         KEELWATCH_SERVER=http://{} KEELWATCH_TOKEN={token} {program} get pods\n  \
         kubectl --kubeconfig {file} get wasmplugins,notifications -A -o yaml\n",
        controller.api,
        controller.api,
        program = program(),
    );
    text.push_str("start and stop a miner by hand, on this machine (it only sleeps), or in a simulated pod:\n  ");
    text.push_str("bash -c 'exec -a xmrig sleep 300' &   kill $!\n");
    if let Some(Host { namespace, name }) = host {
        let _ = write!(
            text,
            "  kubectl --kubeconfig {file} -n {namespace} annotate pod {name} {RUN}='{COMMAND}'\n  \
             kubectl --kubeconfig {file} -n {namespace} annotate pod {name} {RUN}-\n"
        );
    }
    text.push_str("what is found is told below; end with Ctrl-C\n\n");
    text
}

/// How this program was called, for commands that can be copied.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "keelwatch".to_owned(), |path| path.display().to_string())
}
