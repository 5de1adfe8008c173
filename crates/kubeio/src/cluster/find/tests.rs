//! Where clusters are found.
