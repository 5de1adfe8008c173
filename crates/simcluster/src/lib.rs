//! A Kubernetes API server in memory.

pub mod patch;
pub mod population;
pub mod schema;
