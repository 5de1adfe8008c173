//! The contract of the API: one list of cases, for the simulation and for a real server.
//!
//! Owns both runs. A case holds a server to what clients may rely on and to nothing else, so that it says the same on both:
//! what a real cluster adds (accounts, certificates, owners of fields, headers) does not count.
//!
//! ```text
//! cases ──► report ──► Ground (a namespace) ──► Client ──► simcluster, or the cluster of KEELWATCH_TEST_KUBECONFIG
//! ```

mod case;
mod client;
mod compare;
mod ground;
mod report;

mod applies;
mod bad_input;
mod custom;
mod definitions;
mod deletions;
mod discovery;
mod events;
mod leases;
mod namespaces;
mod pages;
mod patches;
mod pods;
mod refusals;
mod reviews;
mod views;
mod watches;
mod writes;

use std::collections::BTreeMap;
use std::path::PathBuf;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use simcluster::{AccessRule, SimCluster};

use self::case::Case;
use self::client::Client;
use self::ground::Server;

/// All cases, by file.
const CASES: &[&[Case]] = &[
    discovery::CASES,
    refusals::CASES,
    pages::CASES,
    watches::CASES,
    patches::CASES,
    applies::CASES,
    deletions::CASES,
    leases::CASES,
    writes::CASES,
    pods::CASES,
    namespaces::CASES,
    custom::CASES,
    definitions::CASES,
    events::CASES,
    reviews::CASES,
    views::CASES,
    bad_input::CASES,
];

fn cases() -> impl Iterator<Item = Case> {
    CASES.iter().copied().flatten().copied()
}

fn connect(config: Config) -> Client {
    // A second installation finds the first, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A retried request would hide how the first was answered.
    let mut config = config;
    config.default_retry = false;
    config.read_timeout = None;
    Client::new(kube::Client::try_from(config).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_keeps_every_case_of_the_contract() {
    let sim = SimCluster::builder().start().await.unwrap();
    // Everybody may do everything there, but for whom a case calls nobody.
    let nobody = AccessRule { user: Some(reviews::NOBODY.to_owned()), allowed: false, ..AccessRule::default() };
    sim.answers(BTreeMap::new(), vec![nobody, AccessRule { allowed: true, ..AccessRule::default() }]);
    let client = connect(Config::new(sim.url().unwrap().parse().unwrap()));
    let report = report::run(client, Server::Simulated, cases()).await;
    report.conclude();
    assert_eq!(report.skipped(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_keeps_every_case_of_the_contract() {
    let Some(file) = kubeconfig() else {
        eprintln!("left out: KEELWATCH_TEST_KUBECONFIG names no cluster");
        return;
    };
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    report::run(connect(config), Server::Real, cases()).await.conclude();
}

#[expect(
    clippy::disallowed_methods,
    reason = "who runs the tests tells by the environment which cluster is theirs to use"
)]
fn kubeconfig() -> Option<PathBuf> {
    std::env::var_os("KEELWATCH_TEST_KUBECONFIG").filter(|file| !file.is_empty()).map(PathBuf::from)
}
