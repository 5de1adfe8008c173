//! What watching may cost: CPU for passes, CPU for exec events, and descriptors.
//!
//! Owns the arithmetic and the meter. Who spends it is `watch` and `events`.

use std::time::Duration;

use rustix::process::{Resource, Rlimit};

/// The most CPU that exec events may have saved up.
const BUCKET: Duration = Duration::from_secs(1);

/// The pause after a pass that took `elapsed` and cost `cpu`: at least what is left of `every`, so much more that
/// passes use no more than `share` of a core, and at most `max_pause`.
pub(crate) fn pause(elapsed: Duration, cpu: Duration, every: Duration, share: f64, max_pause: Duration) -> Duration {
    let paid_back = cpu.mul_f64(1.0 / share - 1.0);
    every.saturating_sub(elapsed).max(paid_back).min(max_pause)
}

/// CPU time for exec events: fills at a share of one core, full at the start.
#[derive(Debug)]
pub(crate) struct Bucket {
    level: Duration,
    debt: Duration,
    filled_at: Duration,
    share: f64,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(share: f64, now: Duration) -> Self {
        Self { level: BUCKET, debt: Duration::ZERO, filled_at: now, share }
    }

    /// Fills at another rate from now on.
    pub(crate) fn set_share(&mut self, share: f64, now: Duration) {
        self.fill(now);
        self.share = share;
    }

    /// Whether anything is left at this moment of the monotonic clock.
    pub(crate) fn has_some(&mut self, now: Duration) -> bool {
        self.fill(now);
        !self.level.is_zero()
    }

    /// Takes what was spent; what is not there is owed.
    pub(crate) fn spend(&mut self, cpu: Duration) {
        self.debt += cpu.saturating_sub(self.level);
        self.level = self.level.saturating_sub(cpu);
    }

    fn fill(&mut self, now: Duration) {
        let earned = now.saturating_sub(self.filled_at).mul_f64(self.share);
        self.filled_at = now;
        self.level = (self.level + earned.saturating_sub(self.debt)).min(BUCKET);
        self.debt = self.debt.saturating_sub(earned);
    }
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(spent).expect("a thread's CPU time is never negative")
}

/// Raises the soft limit of open files to the hard one. Returns how many descriptors of processes may be held beside
/// `reserved` ones for everything else; none if the limit cannot be raised that far.
pub fn raise_open_files(reserved: usize) -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised =
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    // No limit at all is not a reason to hold more than the largest pid.
    let allowed = allowed.unwrap_or(1 << 22);
    usize::try_from(allowed).unwrap_or(usize::MAX).saturating_sub(reserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_cheap_pass_starts_again_a_period_after_its_start() {
        assert_eq!(pause(ms(500), ms(5), ms(2000), 0.01, ms(60_000)), ms(1500));
    }

    #[test]
    fn a_costly_pass_waits_until_its_share_is_paid_back() {
        assert_eq!(pause(ms(70), ms(50), ms(2000), 0.01, ms(60_000)), ms(4950));
    }

    #[test]
    fn no_cost_stretches_the_pause_beyond_its_maximum() {
        assert_eq!(pause(ms(9000), ms(9000), ms(2000), 0.001, ms(60_000)), ms(60_000));
    }

    #[test]
    fn a_full_bucket_gives_a_second_and_fills_at_its_share() {
        let mut bucket = Bucket::full(0.01, ms(0));
        bucket.spend(ms(1000));
        assert!(!bucket.has_some(ms(0)));
        assert!(bucket.has_some(ms(1)));
        bucket.spend(ms(1000));
        assert!(!bucket.has_some(ms(99_000)), "990 ms earned pay for 999.99 ms owed");
        assert!(bucket.has_some(ms(101_000)));
    }

    #[test]
    fn a_bucket_never_holds_more_than_a_second() {
        let mut bucket = Bucket::full(1.0, ms(0));
        assert!(bucket.has_some(ms(3_600_000)));
        bucket.spend(ms(1001));
        assert!(!bucket.has_some(ms(3_600_000)));
    }
}
