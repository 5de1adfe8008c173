//! Kubernetes: the client, one watch per kind, leadership, and every write to the cluster.

pub mod objects;
