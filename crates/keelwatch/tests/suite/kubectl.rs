//! A real kubectl against `keelwatch demo --api-only`, served over TLS to holders of a token.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Running, start};
use crate::real_programs::{self, real_program};

/// A kubectl and the demo that it talks to.
struct Shell {
    kubectl: PathBuf,
    folder: tempfile::TempDir,
    _demo: Running,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    succeeded: bool,
    stdout: String,
    stderr: String,
}

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: serve, image: "nginx:1.29.3"}]}
"#;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map, namespace: default}\ndata: {k: v}\n";

impl Shell {
    /// `None`: there is no kubectl on this machine.
    fn open() -> Option<Self> {
        let kubectl = real_program("kubectl")?;
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let fixed = ["demo", "--api-only", "--listen", "127.0.0.1:0", "--tls", "--token", "t0ken"];
        let sized = ["--nodes", "4", "--pods", "40", "--kubeconfig", kubeconfig.to_str().unwrap()];
        let mut demo = start(&[&fixed[..], &sized].concat());
        let first = BufReader::new(demo.0.stdout.take().unwrap()).lines().next();
        assert!(first.unwrap().unwrap().contains("https://127.0.0.1:"));
        Some(Self { kubectl, folder, _demo: demo })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = real_programs::command(&self.kubectl);
        // Nothing of this machine's user is read, and nothing is kept.
        command.env_clear().env("HOME", self.folder.path()).env("KUBECONFIG", self.folder.path().join("kubeconfig"));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str], input: &str) -> Said {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { succeeded: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Standard output of a command that has to succeed.
    #[track_caller]
    fn said(&self, line: &str) -> String {
        self.said_to(line, "")
    }

    #[track_caller]
    fn said_to(&self, line: &str, input: &str) -> String {
        let said = self.run(&line.split(' ').collect::<Vec<_>>(), input);
        assert!(said.succeeded, "kubectl {line}: {said:?}");
        said.stdout
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.said(line)).unwrap()
    }

    /// Names of the pods of the Deployment, when there are so many.
    #[track_caller]
    fn pods(&self, count: usize) -> Vec<String> {
        self.said("rollout status deployment web --timeout=30s");
        let names = self.said("get pods -l app=web --field-selector status.phase=Running -o name");
        let names: Vec<String> = names.lines().map(str::to_owned).collect();
        assert_eq!(names.len(), count, "{names:?}");
        names
    }
}

#[test]
fn kubectl_lists_and_describes_what_is_there() {
    let Some(shell) = Shell::open() else { return };
    let pods = shell.said("get pods -A");
    assert!(pods.starts_with("NAMESPACE") && pods.lines().count() == 41, "{pods}");
    let wide = shell.said("get pods -A -o wide");
    let columns: Vec<&str> = wide.lines().next().unwrap().split_whitespace().collect();
    assert!(columns.contains(&"IP") && columns.contains(&"NODE"), "{columns:?}");
    assert_eq!(shell.json("get nodes -o json")["items"].as_array().unwrap().len(), 4);
    assert!(shell.said("get nodes -o yaml").contains("kubeletVersion: v1.36.2"));
    for resource in ["deployments", "prometheusrules", "endpointslices", "leases"] {
        assert!(shell.said("api-resources").lines().any(|line| line.starts_with(resource)), "{resource}");
    }
    assert_eq!(shell.said("get --raw /livez"), "ok");
    assert!(shell.said("get --raw /version").contains("v1.36.2"));
    assert!(shell.said("describe node worker-1").contains("Non-terminated Pods:"));
    let missing = shell.run(&["get", "pod", "nope"], "");
    assert_eq!(
        (missing.succeeded, missing.stderr.trim()),
        (false, "Error from server (NotFound): pods \"nope\" not found")
    );
}

#[test]
fn kubectl_applies_changes_and_deletes_workloads() {
    let Some(shell) = Shell::open() else { return };
    assert_eq!(
        shell.said_to("apply --server-side --validate=false -f -", WEB),
        "deployment.apps/web serverside-applied\n"
    );
    let pod = shell.pods(2).remove(0);
    assert!(shell.said(&format!("logs {pod} --tail=1")).ends_with("line 10\n"));
    assert!(shell.said(&format!("describe {pod}")).contains("Controlled By:  ReplicaSet/web-"));
    shell.said("scale deployment web --replicas=3");
    shell.said("label deployment web team=shop");
    shell.said("annotate deployment web note=hello");
    let web = shell.json("get deployment web -o json");
    let metadata = &web["metadata"];
    assert_eq!((&metadata["labels"]["team"], &metadata["annotations"]["note"]), (&"shop".into(), &"hello".into()));
    shell.pods(3);
    shell.said("delete deployment web");
    assert_eq!(shell.said("get deployments -o name"), "");
}

#[test]
fn kubectl_creates_patches_and_takes_ownership() {
    let Some(shell) = Shell::open() else { return };
    assert_eq!(shell.said_to("create --validate=false -f -", MAP), "configmap/map created\n");
    assert_eq!(
        shell.said_to("apply --validate=false -f -", &MAP.replace("{k: v}", "{k: w}")),
        "configmap/map configured\n"
    );
    shell.said(r#"patch configmap map -p {"data":{"more":"1"}}"#);
    shell.said(r#"patch configmap map --type=json -p [{"op":"remove","path":"/data/more"}]"#);
    assert_eq!(shell.json("get configmap map -o json")["data"], serde_json::json!({"k": "w"}));
    let other = MAP.replace("{k: v}", "{k: x}");
    let apply = ["apply", "--server-side", "--validate=false", "--field-manager=other", "-f", "-"];
    let refused = shell.run(&apply, &other);
    assert!(!refused.succeeded && refused.stderr.contains("conflict"), "{refused:?}");
    assert!(shell.run(&[&apply[..], &["--force-conflicts"]].concat(), &other).succeeded);
    assert_eq!(shell.said("delete configmap map"), "configmap \"map\" deleted\n");
}

#[test]
fn kubectl_watches_what_happens() {
    let Some(shell) = Shell::open() else { return };
    let mut watching = Running(shell.command(&["get", "configmaps", "-w", "-o", "name"]).spawn().unwrap());
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    shell.said_to("create --validate=false -f -", MAP);
    assert!(lines.any(|line| line == "configmap/map"));
}

#[test]
fn the_kubeconfig_of_a_demo_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let Some(shell) = Shell::open() else { return };
    let file: &Path = &shell.folder.path().join("kubeconfig");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(file).unwrap().contains("certificate-authority-data: "));
}
