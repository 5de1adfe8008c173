//! How each kind is asked for, and who an object of it is.

use super::{EndpointSlice, Ingress, Job, Namespace, NamespacedMetadata, OwnedMetadata, Pod, ReplicaSet, Service};
use crate::resource::{Extent, Meta, Observed, Resource};

impl Observed for Pod {
    const RESOURCE: Resource = Resource { group: "", version: "v1", plural: "pods", kind: "Pod" };

    fn meta(&self) -> Meta<'_> {
        let metadata = &self.metadata;
        Meta {
            uid: &metadata.uid,
            namespace: &metadata.namespace,
            name: &metadata.name,
            version: &metadata.resource_version,
        }
    }
}

impl Observed for ReplicaSet {
    const RESOURCE: Resource = Resource { group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet" };
    const EXTENT: Extent = Extent::Metadata;

    fn meta(&self) -> Meta<'_> {
        self.metadata.meta()
    }
}

impl Observed for Job {
    const RESOURCE: Resource = Resource { group: "batch", version: "v1", plural: "jobs", kind: "Job" };
    const EXTENT: Extent = Extent::Metadata;

    fn meta(&self) -> Meta<'_> {
        self.metadata.meta()
    }
}

impl Observed for Namespace {
    const RESOURCE: Resource = Resource { group: "", version: "v1", plural: "namespaces", kind: "Namespace" };
    const EXTENT: Extent = Extent::Metadata;

    fn meta(&self) -> Meta<'_> {
        let metadata = &self.metadata;
        Meta { uid: &metadata.uid, namespace: "", name: &metadata.name, version: &metadata.resource_version }
    }
}

impl Observed for EndpointSlice {
    const RESOURCE: Resource =
        Resource { group: "discovery.k8s.io", version: "v1", plural: "endpointslices", kind: "EndpointSlice" };

    fn meta(&self) -> Meta<'_> {
        self.metadata.meta()
    }
}

impl Observed for Service {
    const RESOURCE: Resource = Resource { group: "", version: "v1", plural: "services", kind: "Service" };

    fn meta(&self) -> Meta<'_> {
        self.metadata.meta()
    }
}

impl Observed for Ingress {
    const RESOURCE: Resource =
        Resource { group: "networking.k8s.io", version: "v1", plural: "ingresses", kind: "Ingress" };

    fn meta(&self) -> Meta<'_> {
        self.metadata.meta()
    }
}

impl NamespacedMetadata {
    fn meta(&self) -> Meta<'_> {
        Meta { uid: &self.uid, namespace: &self.namespace, name: &self.name, version: &self.resource_version }
    }
}

impl OwnedMetadata {
    fn meta(&self) -> Meta<'_> {
        Meta { uid: &self.uid, namespace: &self.namespace, name: &self.name, version: &self.resource_version }
    }
}
