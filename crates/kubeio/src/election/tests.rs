//! Elections against a simulated cluster.
