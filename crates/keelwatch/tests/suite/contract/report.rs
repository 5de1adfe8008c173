//! Running all cases and telling how each ended.
//!
//! Owns that every case runs, whatever became of the others, and that the ground is cleared in any case.

use std::fmt::Write as _;
use std::time::Duration;

use super::case::{Case, Ending, Verdict};
use super::client::Client;
use super::ground::{Ground, Server};

/// No case takes this long on a healthy server: the longest waits for a namespace to go.
const LONGEST: Duration = Duration::from_mins(3);

/// How each case ended, in order.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: String,
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Runs `cases` one after the other, then removes all that they made.
pub(super) async fn run(client: Client, server: Server, cases: impl Iterator<Item = Case>) -> Report {
    let mut report = Report::default();
    let ground = match Ground::new(client, server).await {
        Ok(ground) => ground,
        Err(ending) => {
            // Without it nothing was tried at all, whatever the reason.
            report.add("the_namespace_is_made", Err(failed(&ending.to_string())));
            return report;
        }
    };
    let interrupted = tokio::select! {
        () = report.run(cases, &ground) => Ok(()),
        _ = tokio::signal::ctrl_c() => Err(failed("interrupted")),
    };
    report.add("all_cases_were_run", interrupted);
    report.add("everything_made_is_removed", ground.clear().await);
    report
}

/// A case that panics or hangs is a failure like others.
async fn ended(case: Case, ground: &Ground) -> Verdict {
    if let Some(need) = case.needs {
        ground.offers(need).await?;
    }
    let task = tokio::spawn((case.run)(ground.clone()));
    let abort = task.abort_handle();
    match tokio::time::timeout(LONGEST, task).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(panic)) => Err(failed(&format!("panicked: {panic}"))),
        Err(_) => {
            abort.abort();
            Err(failed(&format!("did not end within {LONGEST:?}")))
        }
    }
}

fn failed(what: &str) -> Ending {
    Ending::different(what, &true.into(), &false.into())
}

impl Report {
    async fn run(&mut self, cases: impl Iterator<Item = Case>, ground: &Ground) {
        self.add("the_namespace_is_ready", ground.settle().await);
        for case in cases {
            self.add(case.name, ended(case, ground).await);
        }
    }

    fn add(&mut self, name: &str, verdict: Verdict) {
        // Writing to a String cannot fail.
        let _ = match verdict {
            Ok(()) => {
                self.passed += 1;
                writeln!(self.lines, "  passed  {name}")
            }
            Err(Ending::Skipped(why)) => {
                self.skipped += 1;
                writeln!(self.lines, "  skipped {name}: {why}")
            }
            Err(ending) => {
                self.failed += 1;
                writeln!(self.lines, "  FAILED  {name}: {:#}", anyhow::Error::from(ending))
            }
        };
    }

    /// Shows how each case ended; fails the test if one failed.
    #[track_caller]
    #[expect(clippy::print_stdout, reason = "which cases were skipped, and why, is to be seen")]
    pub(super) fn conclude(&self) {
        let Self { lines, passed, failed, skipped } = self;
        println!("{lines}{passed} passed, {failed} failed, {skipped} skipped");
        assert_eq!(*failed, 0, "cases of the contract failed:\n{lines}");
    }

    /// How many cases were skipped.
    pub(super) fn skipped(&self) -> usize {
        self.skipped
    }
}
