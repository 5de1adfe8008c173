//! Tasks as those who run them see them, on paused time.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::*;
use crate::shutdown::Stopper;

const MINUTE: Duration = Duration::from_mins(1);

/// A clock that goes with tokio's.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(self.0.elapsed()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Does in its nth run what the nth step says; the last step is repeated.
struct Scripted {
    steps: Vec<Step>,
    runs: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum Step {
    Take(Duration),
    Fail,
    Panic,
}

impl Task for Scripted {
    const NAME: &'static str = "test.scripted";
    type Report = usize;

    async fn run(&mut self) -> Result<usize, Failure> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        match self.steps[run.min(self.steps.len() - 1)] {
            Step::Take(time) => sleep(time).await,
            Step::Fail => return Err(Failure::new("no route")),
            Step::Panic => panic!("run {run}"),
        }
        Ok(run)
    }
}

fn tasks() -> (Stopper, Tasks) {
    let (stopper, stop) = Stop::channel();
    (stopper, Tasks::new(Arc::new(PausedClock(Instant::now())), stop, 1))
}

fn start(tasks: &Tasks, period: Duration, steps: &[Step]) -> (Nudge, Arc<AtomicUsize>) {
    let (steps, runs) = (steps.to_vec(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&runs);
    let make = move || Scripted { steps: steps.clone(), runs: Arc::clone(&counted) };
    (tasks.start(Schedule::every(period), make), runs)
}

/// Lets everything that is due by then happen.
async fn after(time: Duration) {
    sleep(time + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_at_once_and_then_every_period() {
    let (_stopper, tasks) = tasks();
    let (_nudge, runs) = start(&tasks, MINUTE, &[Step::Take(Duration::from_secs(10))]);
    after(Duration::from_secs(70)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    let last =
        LastRun { ended: Timestamp::from_second(70).unwrap(), took_ms: 10_000, outcome: Outcome::Report(1.into()) };
    let expected = TaskState {
        name: "test.scripted",
        phase: Phase::Waiting,
        period_s: 60.0,
        running_s: None,
        next_run: Some(Timestamp::from_second(120).unwrap()),
        last: Some(last),
        runs: 2,
        failures: 0,
        restarts: 0,
    };
    assert_eq!(tasks.states(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn nudges_start_one_more_run_and_never_a_second_at_a_time() {
    let (_stopper, tasks) = tasks();
    let (nudge, runs) = start(&tasks, 60 * MINUTE, &[Step::Take(MINUTE)]);
    after(Duration::from_secs(1)).await;
    nudge.nudge();
    nudge.nudge();
    after(Duration::from_secs(50)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    after(10 * MINUTE).await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_the_task_starts_again_ever_later() {
    let (_stopper, tasks) = tasks();
    let (_nudge, runs) = start(&tasks, MINUTE, &[Step::Panic]);
    let mut seen = Vec::new();
    for pause in [0, 1, 2, 4, 8, 16, 32, 60, 60] {
        after(Duration::from_secs(pause)).await;
        seen.push(runs.load(Ordering::Relaxed));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let state = tasks.states().remove(0);
    assert_eq!((state.failures, state.restarts), (9, 8));
    assert_eq!(state.last.unwrap().outcome, Outcome::Error("it panicked".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_success_between_panics_lets_the_next_start_come_soon() {
    let (_stopper, tasks) = tasks();
    let second = Step::Take(Duration::ZERO);
    let (_nudge, runs) =
        start(&tasks, Duration::from_secs(5), &[Step::Panic, Step::Panic, second, Step::Panic, second]);
    after(Duration::from_secs(1 + 2 + 5)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 4);
    after(Duration::from_secs(1)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_and_the_next_run_comes_as_planned() {
    let (_stopper, tasks) = tasks();
    let (_nudge, _runs) = start(&tasks, MINUTE, &[Step::Fail, Step::Take(Duration::ZERO)]);
    after(Duration::ZERO).await;
    assert_eq!(tasks.states()[0].last.as_ref().unwrap().outcome, Outcome::Error("no route".to_owned()));
    after(MINUTE).await;
    assert_eq!((tasks.states()[0].runs, tasks.states()[0].failures), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_ten_periods_and_five_minutes_hangs() {
    let (_stopper, tasks) = tasks();
    start(&tasks, Duration::from_secs(1), &[Step::Take(60 * MINUTE)]);
    start(&tasks, MINUTE, &[Step::Take(9 * MINUTE)]);
    after(Duration::from_secs(299)).await;
    assert_eq!(tasks.health(), Health::Alive);
    after(Duration::from_secs(2)).await;
    assert_eq!(tasks.health(), Health::Wedged(vec!["test.scripted".to_owned()]));
    assert_eq!(tasks.states().iter().map(|state| state.phase).collect::<Vec<_>>(), [Phase::Wedged, Phase::Running]);
}

#[tokio::test(start_paused = true)]
async fn at_the_stop_a_run_ends_and_none_begins() {
    let (stopper, tasks) = tasks();
    let (_nudge, runs) = start(&tasks, MINUTE, &[Step::Take(Duration::from_secs(10))]);
    tasks.watch();
    after(Duration::from_secs(1)).await;
    stopper.stop();
    assert!(tasks.drain(Duration::from_secs(20)).await);
    assert_eq!((runs.load(Ordering::Relaxed), tasks.states()[0].phase), (1, Phase::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_outlasts_the_drain_is_given_up() {
    let (stopper, tasks) = tasks();
    start(&tasks, MINUTE, &[Step::Take(10 * MINUTE)]);
    after(Duration::from_secs(1)).await;
    stopper.stop();
    assert!(!tasks.drain(Duration::from_secs(20)).await);
    tokio::task::yield_now().await;
    assert_eq!(tasks.states()[0].last.as_ref().unwrap().outcome, Outcome::Error("it was given up".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_its_own_reports_and_is_watched_even_between_runs() {
    let (_stopper, tasks) = tasks();
    let external = tasks.external("test.external", Schedule::every(Duration::from_secs(2)));
    let run = external.begin();
    after(Duration::from_secs(1)).await;
    run.finish(Ok("done"));
    assert_eq!(tasks.states()[0].last.as_ref().unwrap().outcome, Outcome::Report("done".into()));
    after(6 * MINUTE).await;
    assert_eq!(tasks.health(), Health::Wedged(vec!["test.external".to_owned()]));
    drop(external);
    assert_eq!((tasks.health(), tasks.states()[0].phase), (Health::Alive, Phase::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panics_fails_its_run_and_stays_on_the_board() {
    let (_stopper, tasks) = tasks();
    let external = tasks.external("test.external", Schedule::every(Duration::from_secs(2)));
    let thread = std::thread::spawn(move || {
        let _run = external.begin();
        panic!("gone");
    });
    assert!(thread.join().is_err());
    after(6 * MINUTE).await;
    assert_eq!(tasks.health(), Health::Wedged(vec!["test.external".to_owned()]));
    assert_eq!(tasks.states()[0].failures, 1);
}

#[tokio::test(start_paused = true)]
async fn the_metrics_of_a_task_are_there_from_the_start() {
    let (_stopper, tasks) = tasks();
    let mut registry = Registry::default();
    tasks.register_metrics(&mut registry);
    start(&tasks, MINUTE, &[Step::Fail]);
    after(Duration::ZERO).await;
    let text = registry.encode(crate::metrics::Format::Prometheus);
    for sample in [
        r#"keelwatch_task_runs_total{task="test.scripted",result="ok"} 0"#,
        r#"keelwatch_task_runs_total{task="test.scripted",result="failed"} 1"#,
        r#"keelwatch_task_restarts_total{task="test.scripted"} 0"#,
    ] {
        assert!(text.contains(sample), "{sample} in {text}");
    }
}
