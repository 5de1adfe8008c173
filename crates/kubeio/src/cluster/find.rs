//! Where the cluster is: a kubeconfig that is named, the service account of a pod, or the kubeconfig of a user.
//!
//! Owns the order, and the namespace of the release. The environment is read by `keelwatch` and comes in as [`Surroundings`].

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use api::Clock;
use http::Uri;
use kube::Config;
use kube::config::{Kubeconfig, KubeconfigError};
use runtime::settings::sections::{ClusterMode, ClusterSettings, ReleaseSettings};

use super::connect::connect;
use super::{Cluster, Place};
use crate::metrics::Metrics;

/// What a process finds around itself.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// `KUBECONFIG`: paths with colons between.
    pub kubeconfig_variable: Option<OsString>,
    /// The home of the user, which may have `.kube/config`.
    pub home: Option<PathBuf>,
    /// `POD_NAMESPACE`.
    pub namespace_variable: Option<String>,
    /// `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, which every pod has.
    pub service: Option<(String, String)>,
    /// Folder of the service account: `token`, `ca.crt`, `namespace`.
    pub account: PathBuf,
    /// Seed of all jitter; another one in every process.
    pub seed: u64,
}

/// Why a cluster that should be there cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// `cluster.mode` is `required`, and there is nothing.
    #[error(
        "no cluster is configured, and cluster.mode is required (accepted: a service account, cluster.kubeconfig, KUBECONFIG or \
         ~/.kube/config)"
    )]
    Nothing,
    /// A kubeconfig cannot be used.
    #[error("failed to use kubeconfig {}", .0.display())]
    Kubeconfig(PathBuf, #[source] KubeconfigError),
    /// A named kubeconfig is not there.
    #[error("failed to read kubeconfig {}", .0.display())]
    Missing(PathBuf, #[source] io::Error),
    /// A file of the service account cannot be read.
    #[error("failed to read {} of the service account", .0.display())]
    Account(PathBuf, #[source] io::Error),
    /// The address of the API server is none.
    #[error("the API server's address `{0}` is no URL")]
    Address(String, #[source] http::uri::InvalidUri),
    /// The kubeconfig asks for a proxy.
    #[error("the kubeconfig reaches {0} by a proxy, which is not supported (accepted: no proxy-url)")]
    Proxy(String),
    /// Certificates or credentials do not make a client.
    #[error("failed to prepare the connection to {0}")]
    Client(String, #[source] Box<kube::Error>),
}

impl Surroundings {
    /// Nothing around: the beginning of a test, or of a process that fills in what it finds.
    pub fn bare(seed: u64) -> Self {
        Self {
            kubeconfig_variable: None,
            home: None,
            namespace_variable: None,
            service: None,
            account: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
            seed,
        }
    }
}

impl Cluster {
    /// The cluster that is configured; `None` with `cluster.mode: none`, or `auto` and nothing there. Nobody is asked: whether the
    /// server answers shows later. Called within a tokio runtime.
    pub fn find(
        settings: &ClusterSettings,
        release: &ReleaseSettings,
        around: &Surroundings,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Result<Option<Self>, FindError> {
        let Some(config) = configuration(settings, around)? else { return Ok(None) };
        let server = config.cluster_url.to_string();
        if config.proxy_url.is_some() {
            return Err(FindError::Proxy(server));
        }
        let place = Place {
            namespace: namespace(release, around, &config),
            release: release.name.clone(),
            requests_per_second: settings.requests_per_second,
            seed: around.seed,
            server: server.clone(),
        };
        let service = connect(&config).map_err(|error| FindError::Client(server, Box::new(error)))?;
        Ok(Some(Self::over(service, place, clock, metrics)))
    }
}

fn configuration(settings: &ClusterSettings, around: &Surroundings) -> Result<Option<Config>, FindError> {
    if settings.mode == ClusterMode::None {
        return Ok(None);
    }
    if !settings.kubeconfig.is_empty() {
        let path = PathBuf::from(&settings.kubeconfig);
        fs::metadata(&path).map_err(|error| FindError::Missing(path.clone(), error))?;
        return from_files(&[path], &settings.context).map(Some);
    }
    if let Some((host, port)) = &around.service
        && around.account.join("token").exists()
    {
        return in_cluster(host, port, &around.account).map(Some);
    }
    let files = kubeconfigs(around);
    let found = if files.is_empty() { Err(FindError::Nothing) } else { from_files(&files, &settings.context) };
    match found {
        // A kubeconfig that selects nothing, such as an empty one, is as good as none.
        Err(FindError::Nothing | FindError::Kubeconfig(_, KubeconfigError::CurrentContextNotSet))
            if settings.mode == ClusterMode::Auto =>
        {
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// The kubeconfig files that are there. `KUBECONFIG` hides the one at home, and may name files that are not there, as for kubectl.
fn kubeconfigs(around: &Surroundings) -> Vec<PathBuf> {
    let variable = around.kubeconfig_variable.as_deref().filter(|paths| !paths.is_empty());
    let candidates: Vec<PathBuf> = match (variable, &around.home) {
        (Some(paths), _) => std::env::split_paths(OsStr::new(paths)).collect(),
        (None, Some(home)) => vec![home.join(".kube/config")],
        (None, None) => Vec::new(),
    };
    candidates.into_iter().filter(|path| !path.as_os_str().is_empty() && path.exists()).collect()
}

fn from_files(files: &[PathBuf], context: &str) -> Result<Config, FindError> {
    let mut merged = Kubeconfig::default();
    for path in files {
        let read = Kubeconfig::read_from(path).and_then(|next| merged.merge(next));
        merged = read.map_err(|error| FindError::Kubeconfig(path.clone(), error))?;
    }
    let named = files.last().cloned().unwrap_or_default();
    select(merged, context).map_err(|error| FindError::Kubeconfig(named, error))
}

/// The configuration of one context.
fn select(mut kubeconfig: Kubeconfig, context: &str) -> Result<Config, KubeconfigError> {
    if !context.is_empty() {
        kubeconfig.current_context = Some(context.to_owned());
    }
    let proxy = proxy(&kubeconfig);
    let mut config = Config::try_from(kubeconfig)?;
    // kube falls back to HTTPS_PROXY; only what is configured counts here.
    if proxy.is_none() {
        config.proxy_url = None;
    }
    Ok(config)
}

fn proxy(kubeconfig: &Kubeconfig) -> Option<String> {
    let current = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig.contexts.iter().find(|context| &context.name == current)?.context.as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster)?;
    cluster.cluster.as_ref()?.proxy_url.clone().filter(|proxy| !proxy.is_empty())
}

fn in_cluster(host: &str, port: &str, account: &Path) -> Result<Config, FindError> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let address = format!("https://{host}:{port}");
    let url: Uri = address.parse().map_err(|error| FindError::Address(address.clone(), error))?;
    let authorities = account.join("ca.crt");
    fs::metadata(&authorities).map_err(|error| FindError::Account(authorities.clone(), error))?;
    let mut config = Config::new(url);
    // Both files are read again when they change; the list only tells kube not to load the roots of the system.
    config.root_cert = Some(Vec::new());
    config.root_cert_file = Some(authorities);
    config.auth_info.token_file = Some(account.join("token").to_string_lossy().into_owned());
    if let Some(namespace) = account_namespace(account) {
        config.default_namespace = namespace;
    }
    Ok(config)
}

fn account_namespace(account: &Path) -> Option<String> {
    let text = fs::read_to_string(account.join("namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}

fn namespace(release: &ReleaseSettings, around: &Surroundings, config: &Config) -> String {
    let given = Some(release.namespace.clone());
    let found = [given, around.namespace_variable.clone(), account_namespace(&around.account)];
    let mut stated = found.into_iter().flatten().filter(|namespace| !namespace.is_empty());
    stated.next().unwrap_or_else(|| config.default_namespace.clone())
}

#[cfg(test)]
mod tests;
