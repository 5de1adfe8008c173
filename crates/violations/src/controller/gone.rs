//! Which nodes that are missing from the Service have left the cluster, and when so many are missing that this is not believed.
//!
//! Owns that decision. Pure.

use std::time::Duration;

/// A node that no slice lists, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) node: String,
    pub(crate) since: Duration,
}

/// When nodes are let go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Patience {
    /// After this.
    pub(crate) gone_after: Duration,
    /// Unless more than this share of all is missing.
    pub(crate) gone_share: f64,
}

/// What becomes of missing nodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// They have left.
    pub(crate) gone: Vec<String>,
    /// They have left if the cluster has no Node of this name.
    pub(crate) to_ask: Vec<String>,
    /// So many are missing that no slice is believed.
    pub(crate) is_suspect: bool,
}

/// Whatever else is missing, after this a node has left.
const LONGEST: Duration = Duration::from_hours(24);

/// Judges the missing ones of so many nodes that are known.
pub(crate) fn judge(missing: Vec<Missing>, known: usize, patience: Patience) -> Verdict {
    let Patience { gone_after, gone_share } = patience;
    let is_too_much = number(missing.len()) > (gone_share * number(known)).max(1.0);
    let mut verdict = Verdict::default();
    for Missing { node, since } in missing.into_iter().filter(|missing| missing.since >= gone_after) {
        if !is_too_much || since >= LONGEST {
            verdict.gone.push(node);
        } else {
            verdict.is_suspect = true;
            verdict.to_ask.push(node);
        }
    }
    verdict
}

#[expect(clippy::cast_precision_loss, reason = "clusters have no 2^52 nodes")]
const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
