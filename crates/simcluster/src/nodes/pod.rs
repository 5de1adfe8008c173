//! A pod, as far as its processes show it.
//!
//! Owns reading a stored pod. What a container runs is made up from its name.

use jiff::Timestamp;
use serde_json::Value;

use super::cgroup::Quality;
use super::process::Program;

/// A pod on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// What control groups are named after: the uid, or the configuration hash of a static pod.
    pub uid: String,
    /// Its quality of service.
    pub quality: Quality,
    /// Those that run.
    pub containers: Vec<Container>,
    /// What runs in the first of them besides: the words of the annotation [`RUN`].
    pub besides: Option<Program>,
}

/// Annotation of a pod whose words are a command that its first container runs besides its own, as long as it is there:
/// how a person makes a miner start and stop.
pub const RUN: &str = "sim.keelwatch.io/run";

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Who runs it.
    pub runtime: Runtime,
    /// Its first process.
    pub program: Program,
    /// Since when it runs, if that is known.
    pub started: Option<Timestamp>,
}

/// Who runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// `containerd://…`
    Containerd,
    /// `cri-o://…`
    CriO,
    /// `docker://…`
    Docker,
}

impl Pod {
    /// Reads a pod of the cluster; what does not run is left out.
    pub fn of(object: &Value) -> Self {
        let (metadata, status) = (&object["metadata"], &object["status"]);
        let hash = metadata["annotations"]["kubernetes.io/config.hash"].as_str();
        let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
        let statuses = lists.iter().filter_map(|list| status[*list].as_array()).flatten();
        let user = object["spec"]["securityContext"]["runAsUser"].as_u64().and_then(|uid| u32::try_from(uid).ok());
        let user = user.unwrap_or_default();
        let words: Vec<&str> = metadata["annotations"][RUN].as_str().unwrap_or_default().split_whitespace().collect();
        Self {
            uid: hash.or(metadata["uid"].as_str()).unwrap_or_default().to_owned(),
            quality: Quality::parse(status["qosClass"].as_str().unwrap_or_default()),
            containers: statuses.filter_map(|status| Container::of(status, user)).collect(),
            besides: (!words.is_empty()).then(|| Program::new(&words, user)),
        }
    }
}

impl Container {
    fn of(status: &Value, uid: u32) -> Option<Self> {
        let running = status["state"].get("running")?;
        let (runtime, id) = Runtime::parse(status["containerID"].as_str()?)?;
        let exe = format!("/app/{}", status["name"].as_str()?);
        let program = Program::new(&[&exe, "--listen=0.0.0.0:8080"], uid);
        let started = running["startedAt"].as_str().and_then(|at| at.parse().ok());
        Some(Self { id: id.to_owned(), runtime, program, started })
    }
}

impl Runtime {
    /// Reads `containerd://4f1c…` apart.
    pub fn parse(id: &str) -> Option<(Self, &str)> {
        let (scheme, id) = id.split_once("://")?;
        let runtime = match scheme {
            "containerd" => Self::Containerd,
            "cri-o" => Self::CriO,
            "docker" => Self::Docker,
            _ => return None,
        };
        Some((runtime, id))
    }

    /// The scheme of container ids.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Docker => "docker",
        }
    }

    /// As a node reports it.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Containerd => "containerd://2.2.1",
            Self::CriO => "cri-o://1.36.0",
            Self::Docker => "docker://29.1.3",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_runs_is_read_of_a_pod() {
        let pod = json!({
            "metadata": {"uid": "u"},
            "spec": {"securityContext": {"runAsUser": 1000}},
            "status": {"qosClass": "Guaranteed", "containerStatuses": [
                {"name": "web", "containerID": "cri-o://aa", "state": {"running": {"startedAt": "2026-11-21T04:29:58Z"}}},
                {"name": "done", "containerID": "cri-o://bb", "state": {"terminated": {}}},
                {"name": "odd", "containerID": "rkt://cc", "state": {"running": {}}},
            ]},
        });
        let program = Program::new(&["/app/web", "--listen=0.0.0.0:8080"], 1000);
        let started = Some("2026-11-21T04:29:58Z".parse().unwrap());
        let web = Container { id: "aa".to_owned(), runtime: Runtime::CriO, program, started };
        assert_eq!(
            Pod::of(&pod),
            Pod { uid: "u".to_owned(), quality: Quality::Guaranteed, containers: vec![web], besides: None }
        );
    }

    #[test]
    fn a_static_pod_goes_by_its_configuration_hash() {
        let pod = json!({"metadata": {"uid": "u", "annotations": {"kubernetes.io/config.hash": "3e61"}}});
        assert_eq!(
            Pod::of(&pod),
            Pod { uid: "3e61".to_owned(), quality: Quality::Burstable, containers: Vec::new(), besides: None }
        );
    }
}
