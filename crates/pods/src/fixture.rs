//! Pods for tests, with defaults for everything that a test does not mean.

use kubeio::objects::{
    Container, ContainerState, ContainerStatus, OwnedMetadata, OwnerReference, Pod, PodAddress, PodMetadata, PodSpec,
    PodStatus, Running, Terminated,
};

/// A running pod on `node-1` in `shop`.
pub(crate) fn pod(name: &str, uid: &str) -> Pod {
    Pod {
        metadata: PodMetadata {
            uid: uid.into(),
            namespace: "shop".into(),
            name: name.into(),
            creation_timestamp: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            ..PodMetadata::default()
        },
        spec: PodSpec { node_name: "node-1".into(), ..PodSpec::default() },
        status: PodStatus { phase: "Running".into(), ..PodStatus::default() },
    }
}

/// What a test says of a pod.
pub(crate) trait Like: Sized {
    fn version(self, version: u64) -> Self;
    fn namespace(self, namespace: &str) -> Self;
    fn node(self, node: &str) -> Self;
    fn phase(self, phase: &str) -> Self;
    fn address(self, address: &str) -> Self;
    fn created(self, second: i64) -> Self;
    fn host_network(self) -> Self;
    fn label(self, key: &str, value: &str) -> Self;
    fn annotation(self, key: &str, value: &str) -> Self;
    fn owner(self, kind: &str, name: &str, uid: &str) -> Self;
    /// A container with the id that `digits` repeated make.
    fn container(self, name: &str, digits: &str) -> Self;
    /// The last container was another before.
    fn restarted_from(self, digits: &str) -> Self;
}

impl Like for Pod {
    fn version(mut self, version: u64) -> Self {
        self.metadata.resource_version = version.to_string().into();
        self
    }

    fn namespace(mut self, namespace: &str) -> Self {
        self.metadata.namespace = namespace.into();
        self
    }

    fn node(mut self, node: &str) -> Self {
        self.spec.node_name = node.into();
        self
    }

    fn phase(mut self, phase: &str) -> Self {
        self.status.phase = phase.into();
        self
    }

    fn address(mut self, address: &str) -> Self {
        if self.status.pod_ips.is_empty() {
            self.status.pod_ip = address.into();
        }
        self.status.pod_ips.push(PodAddress { ip: address.into() });
        self
    }

    fn created(mut self, second: i64) -> Self {
        self.metadata.creation_timestamp = Some(jiff::Timestamp::from_second(1_767_225_600 + second).unwrap());
        self
    }

    fn host_network(mut self) -> Self {
        self.spec.host_network = true;
        self
    }

    fn label(mut self, key: &str, value: &str) -> Self {
        let known = self.metadata.labels.iter().chain([(key, value)]);
        self.metadata.labels = known.collect();
        self
    }

    fn annotation(mut self, key: &str, value: &str) -> Self {
        let known = self.metadata.annotations.iter().chain([(key, value)]);
        self.metadata.annotations = known.collect();
        self
    }

    fn owner(mut self, kind: &str, name: &str, uid: &str) -> Self {
        self.metadata.owner_references = vec![reference(kind, name, uid)];
        self
    }

    fn container(mut self, name: &str, digits: &str) -> Self {
        self.spec.containers.push(Container { name: name.into(), image: format!("ghcr.io/acme/{name}:1.2").into() });
        self.status.container_statuses.push(ContainerStatus {
            name: name.into(),
            container_id: id(digits).into(),
            image_id: format!("ghcr.io/acme/{name}@sha256:{}", "9b2f".repeat(16)).into(),
            state: ContainerState { running: Some(Running {}), ..ContainerState::default() },
            ..ContainerStatus::default()
        });
        self
    }

    fn restarted_from(mut self, digits: &str) -> Self {
        let status = self.status.container_statuses.last_mut().unwrap();
        status.restart_count += 1;
        status.last_state.terminated = Some(Terminated { container_id: id(digits).into() });
        self
    }
}

/// `containerd://` and 64 digits.
pub(crate) fn id(digits: &str) -> String {
    format!("containerd://{}", digits.repeat(64 / digits.len()))
}

pub(crate) fn reference(kind: &str, name: &str, uid: &str) -> OwnerReference {
    let api_version = match kind {
        "Pod" | "Node" => "v1",
        "Job" | "CronJob" => "batch/v1",
        "Rollout" => "argoproj.io/v1alpha1",
        "RayCluster" => "ray.io/v1",
        _ => "apps/v1",
    };
    OwnerReference {
        api_version: api_version.into(),
        kind: kind.into(),
        name: name.into(),
        uid: uid.into(),
        controller: true,
    }
}

/// A ReplicaSet or Job in `shop`, with its controller.
pub(crate) fn middle(name: &str, uid: &str, controller: Option<OwnerReference>) -> OwnedMetadata {
    OwnedMetadata {
        uid: uid.into(),
        namespace: "shop".into(),
        name: name.into(),
        owner_references: controller.into_iter().collect(),
        ..OwnedMetadata::default()
    }
}
