//! Writes against a simulated cluster.
