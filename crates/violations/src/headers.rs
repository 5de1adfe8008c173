//! Names of the headers of a node's answer, on both sides of it.

use axum::http::HeaderName;

/// The node's name.
pub(crate) const NODE: HeaderName = HeaderName::from_static("keelwatch-node");
/// Boot id of its host.
pub(crate) const BOOT: HeaderName = HeaderName::from_static("keelwatch-boot");
/// When its last completed pass ended.
pub(crate) const LAST_PASS: HeaderName = HeaderName::from_static("keelwatch-last-pass");
/// Completed passes since its start.
pub(crate) const PASSES: HeaderName = HeaderName::from_static("keelwatch-passes");
/// Effective interval of passes, in seconds.
pub(crate) const INTERVAL: HeaderName = HeaderName::from_static("keelwatch-interval");
/// Revision of its rule set.
pub(crate) const RULES: HeaderName = HeaderName::from_static("keelwatch-rules");
/// Open records that it left out.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("keelwatch-truncated");
