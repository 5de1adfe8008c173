//! Why no credential is sent to where the leader says that it is.
//!
//! Owns the words for each cause, with what would be accepted, and when a cause is worth a line of the log.

use std::fmt;
use std::net::SocketAddr;

/// A cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Distrust {
    /// The Lease names no address.
    NoAddress,
    /// It names this instead of one.
    Odd(String),
    /// It names an address on loopback, and this process listens elsewhere.
    Loopback(SocketAddr),
    /// No live pod of this release has the address.
    NoReplica { address: SocketAddr, release: String, namespace: String },
    /// Whose address it is could not be found out, because of this.
    Unasked { address: SocketAddr, why: String },
}

/// What was found at each look, as far as it decides what is logged.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Option<Distrust>,
    told: Option<Distrust>,
}

/// An address has 47 bytes at most. The text of a Lease is shown as far as it helps to find who wrote it.
const SHOWN: usize = 128;

impl Distrust {
    /// Whether time alone may mend it: a pod is listed a moment after it began, an API server comes back.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::NoReplica { .. } | Self::Unasked { .. })
    }

    /// Whether it is the same cause, however a server words its errors.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unasked { address, .. }, Self::Unasked { address: other, .. }) => address == other,
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str(
                "another process leads and does not say where (accepted: POD_IP in its environment, or leader.address \
                 in its settings)",
            ),
            Self::Odd(text) => {
                let text = text[..text.floor_char_boundary(SHOWN)].escape_debug();
                write!(f, "the leader says that it is at `{text}`, which is no address")?;
                f.write_str(" (accepted: an IP address and a port in leader.address of its settings)")
            }
            Self::Loopback(address) => {
                write!(f, "the leader says that it is at {address}, which is this host for whoever asks there")?;
                f.write_str(
                    " (accepted: POD_IP in its environment or leader.address in its settings, the address of its pod)",
                )
            }
            Self::NoReplica { address, release, namespace } => write!(
                f,
                "the leader says that it is at {address}, and no live pod of this release has that address (accepted: \
                 POD_IP in its environment or leader.address in its settings, the address of a pod in `{namespace}` \
                 with the labels app.kubernetes.io/name=keelwatch and app.kubernetes.io/instance={release})"
            ),
            Self::Unasked { address, why } => write!(
                f,
                "the leader says that it is at {address}, and the API server does not tell whose address that is: {why} \
                 (accepted: the right to list pods in the namespace of the release)"
            ),
        }
    }
}

impl Looks {
    /// A look found this; `None` if the leader is trusted, or there is none. Returns what is to be logged: a cause that does not pass
    /// at once, and one that is still there at the next look, each once.
    pub(super) fn found(&mut self, distrust: Option<&Distrust>) -> Option<&Distrust> {
        let last = std::mem::replace(&mut self.last, distrust.cloned());
        let Some(distrust) = distrust else {
            self.told = None;
            return None;
        };
        let is_same = |known: &Option<Distrust>| known.as_ref().is_some_and(|known| known.is_same(distrust));
        if is_same(&self.told) || (distrust.may_pass() && !is_same(&last)) {
            return None;
        }
        self.told = Some(distrust.clone());
        self.told.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unasked(why: &str) -> Distrust {
        Distrust::Unasked { address: ([10, 0, 0, 9], 18080).into(), why: why.to_owned() }
    }

    #[test]
    fn a_cause_is_logged_once_until_it_changes() {
        let mut looks = Looks::default();
        let odd = Distrust::Odd("nowhere".to_owned());
        let found = [Some(&Distrust::NoAddress), Some(&Distrust::NoAddress), Some(&odd), None, Some(&odd)];
        let logged = found.map(|distrust| looks.found(distrust).cloned());
        assert_eq!(logged, [Some(Distrust::NoAddress), None, Some(odd.clone()), None, Some(odd.clone())]);
    }

    #[test]
    fn a_cause_that_may_pass_is_logged_when_it_has_not() {
        let mut looks = Looks::default();
        let found = [unasked("a"), unasked("b"), unasked("c")];
        let logged = found.map(|distrust| looks.found(Some(&distrust)).cloned());
        assert_eq!(logged, [None, Some(unasked("b")), None]);
    }

    #[test]
    fn what_stands_in_a_lease_is_shown_cut_and_on_one_line() {
        let text = Distrust::Odd(format!("a\n{}", "b".repeat(10_000))).to_string();
        assert!(text.starts_with("the leader says that it is at `a\\nbb") && text.len() < 300, "{text}");
    }
}
