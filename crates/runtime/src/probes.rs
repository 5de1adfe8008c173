//! Whether the process lives and whether it is ready, check by check.
//!
//! Owns the registry of checks and the text of the answers. Serving them is `web`'s job.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// All is well.
    Ok,
    /// Something needs attention, and requests can be answered.
    Warn(String),
    /// Requests cannot be answered.
    Fail(String),
}

/// Whether the process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Alive,
    /// These tasks hang.
    Wedged(Vec<String>),
}

/// The checks of a process, asked anew for each answer. Clones share the checks.
#[derive(Clone, Default)]
pub struct Checks {
    checks: Arc<Mutex<Vec<(&'static str, Ask)>>>,
}

type Ask = Arc<dyn Fn() -> Check + Send + Sync>;

/// What all checks found, in the order of their registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    found: Vec<(&'static str, Check)>,
}

impl Checks {
    /// Adds a check, asked whenever readiness is. `ask` must not wait.
    pub fn add(&self, name: &'static str, ask: impl Fn() -> Check + Send + Sync + 'static) {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push((name, Arc::new(ask)));
    }

    /// Asks all checks.
    pub fn verdict(&self) -> Verdict {
        // Asked without the lock, so that a check may add another.
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Verdict { found: checks.into_iter().map(|(name, ask)| (name, ask())).collect() }
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(checks.iter().map(|(name, _)| name)).finish()
    }
}

impl Verdict {
    /// Whether no check failed; warnings keep a process ready.
    pub fn is_ready(&self) -> bool {
        self.found.iter().all(|(_, check)| !matches!(check, Check::Fail(_)))
    }
}

impl fmt::Display for Verdict {
    /// One line a check, as Kubernetes writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, check) in &self.found {
            match check {
                Check::Ok => writeln!(f, "[+]{name} ok")?,
                Check::Warn(why) => writeln!(f, "[!]{name} warning: {}", on_one_line(why))?,
                Check::Fail(why) => writeln!(f, "[-]{name} failed: {}", on_one_line(why))?,
            }
        }
        Ok(())
    }
}

fn on_one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_unreadies_and_a_warning_does_not() {
        let checks = Checks::default();
        checks.add("pods", || Check::Ok);
        checks.add("settings", || Check::Warn("a.yaml:1:2: x: is wrong\nanother".to_owned()));
        assert!(checks.verdict().is_ready());
        checks.add("leader-storage", || Check::Fail("connection refused".to_owned()));
        let verdict = checks.verdict();
        let text = "[+]pods ok\n[!]settings warning: a.yaml:1:2: x: is wrong; another\n\
                    [-]leader-storage failed: connection refused\n";
        assert_eq!((verdict.is_ready(), verdict.to_string().as_str()), (false, text));
    }
}
