//! Where clusters are found.

use std::path::Path;
use std::time::Duration;

use runtime::clock::ManualClock;
use runtime::probes::Check;
use simcluster::{Effect, Fault, SimCluster};
use tempfile::TempDir;

use super::*;
use crate::fixture::{Known, Map, map, until};
use crate::watch::{Scope, WatchSettings, watch};

struct Scene {
    folder: TempDir,
    around: Surroundings,
    settings: ClusterSettings,
    release: ReleaseSettings,
}

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: one\nclusters:\n- name: c\n  cluster: {{server: '{server}'}}\n\
         contexts:\n- name: one\n  context: {{cluster: c}}\n- name: two\n  context: {{cluster: c, namespace: shop}}\n"
    )
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let around = Surroundings { account: folder.path().join("account"), ..Surroundings::bare(7) };
        Self { folder, around, settings: ClusterSettings::default(), release: ReleaseSettings::default() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn in_a_pod(&mut self) {
        self.write("account/token", "t");
        self.write("account/namespace", "keelwatch-system\n");
        let made = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
        self.write("account/ca.crt", made);
        self.around.service = Some(("fd00::1".to_owned(), "443".to_owned()));
    }

    /// Server and namespace, nothing, or what is wrong.
    fn found(&self) -> Result<Option<(String, String)>, String> {
        let Self { around, settings, release, .. } = self;
        let place = configuration(settings, around).map_err(|error| error.to_string())?;
        Ok(place.map(|config| (config.cluster_url.to_string(), namespace(release, around, &config))))
    }
}

fn at(server: &str, namespace: &str) -> (String, String) {
    (server.to_owned(), namespace.to_owned())
}

#[test]
fn a_named_kubeconfig_comes_before_the_service_account_and_that_before_the_users() {
    let mut around = Scene::new();
    assert_eq!(around.found(), Ok(None));
    around.write("home/.kube/config", &kubeconfig("https://home"));
    around.around.home = Some(around.folder.path().join("home"));
    assert_eq!(around.found(), Ok(Some(at("https://home/", "default"))));
    let variable = around.write("variable", &kubeconfig("https://variable"));
    around.around.kubeconfig_variable = Some(format!("/nowhere:{}", variable.display()).into());
    assert_eq!(around.found(), Ok(Some(at("https://variable/", "default"))));
    around.in_a_pod();
    assert_eq!(around.found(), Ok(Some(at("https://[fd00::1]:443/", "keelwatch-system"))));
    around.settings.kubeconfig = around.write("named", &kubeconfig("https://named")).display().to_string();
    assert_eq!(around.found(), Ok(Some(at("https://named/", "keelwatch-system"))));
}

#[test]
fn the_namespace_of_the_release_is_the_first_that_is_stated() {
    let mut around = Scene::new();
    around.settings.kubeconfig = around.write("named", &kubeconfig("https://named")).display().to_string();
    around.settings.context = "two".to_owned();
    assert_eq!(around.found(), Ok(Some(at("https://named/", "shop"))));
    around.around.namespace_variable = Some("of-the-pod".to_owned());
    assert_eq!(around.found(), Ok(Some(at("https://named/", "of-the-pod"))));
    around.release.namespace = "of-the-settings".to_owned();
    assert_eq!(around.found(), Ok(Some(at("https://named/", "of-the-settings"))));
}

#[test]
fn what_is_wrong_is_named() {
    let mut around = Scene::new();
    around.settings.mode = ClusterMode::Required;
    assert!(around.found().unwrap_err().starts_with("no cluster is configured, and cluster.mode is required"));
    around.settings.kubeconfig = "/nowhere/config".to_owned();
    assert_eq!(around.found(), Err("failed to read kubeconfig /nowhere/config".to_owned()));
    let path = around.write("named", "clusters: 7\n");
    around.settings.kubeconfig = path.display().to_string();
    assert_eq!(around.found(), Err(format!("failed to use kubeconfig {}", path.display())));
}

#[test]
fn an_empty_kubeconfig_is_none_unless_a_cluster_is_required() {
    let mut around = Scene::new();
    around.write("home/.kube/config", "apiVersion: v1\nkind: Config\n");
    around.around.home = Some(around.folder.path().join("home"));
    assert_eq!(around.found(), Ok(None));
    around.settings.mode = ClusterMode::Required;
    assert!(around.found().is_err());
}

#[tokio::test]
async fn a_proxy_is_refused_rather_than_gone_around() {
    let mut scene = Scene::new();
    let text = kubeconfig("http://127.0.0.1:1").replace("server:", "proxy-url: 'http://127.0.0.1:2', server:");
    scene.settings.kubeconfig = scene.write("named", &text).display().to_string();
    let Scene { around, settings, release, .. } = &scene;
    let found = Cluster::find(settings, release, around, Arc::new(ManualClock::default()), &Metrics::default());
    assert!(matches!(found, Err(FindError::Proxy(_))), "{found:?}");
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_is_watched_over_a_socket() {
    let sim = SimCluster::builder().start().await.unwrap();
    sim.put(map("a", "1")).unwrap();
    let mut scene = Scene::new();
    scene.settings.kubeconfig = scene.write("named", &sim.kubeconfig().unwrap()).display().to_string();
    let Scene { around, settings, release, .. } = &scene;
    let clock = Arc::new(runtime::clock::SystemClock::new());
    let cluster = Cluster::find(settings, release, around, clock, &Metrics::default()).unwrap().unwrap();
    let (known, (_stopper, stop)) = (Known::default(), runtime::shutdown::Stop::channel());
    let watch = watch::<Map>(&cluster, Scope::default(), WatchSettings::default(), known.clone(), stop);
    until(|| known.maps() == ["a=1"]).await;
    sim.set_faults(vec![Fault::new(Effect::Down(Duration::from_millis(300)))]);
    until(|| matches!(watch.check(), Check::Warn(why) if why.contains("API server"))).await;
    sim.put(map("a", "2")).unwrap();
    until(|| known.maps() == ["a=2"]).await;
    assert_eq!(watch.check(), Check::Ok);
}

#[tokio::test]
async fn a_cluster_is_had_without_a_server_that_answers() {
    let mut around = Scene::new();
    around.settings.kubeconfig = around.write("named", &kubeconfig("http://127.0.0.1:1")).display().to_string();
    let Scene { around, settings, release, .. } = &around;
    let clock = Arc::new(ManualClock::default());
    let cluster = Cluster::find(settings, release, around, clock, &Metrics::default()).unwrap().unwrap();
    let refused = cluster.review_token("t", &[]).await.unwrap_err();
    assert!(matches!(refused, crate::CallError::Connect(_)), "{refused:?}");
    assert_eq!((cluster.namespace(), cluster.server()), ("default", "http://127.0.0.1:1/"));
}
