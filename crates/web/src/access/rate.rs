//! Counts failed credentials by address, so that guessing is slow.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An address with this many failures within a second is refused for the rest of that second.
const FAILURES_PER_SECOND: u32 = 10;

// 10,000 entries of at most 48 bytes are half a megabyte. Addresses beyond share one counter: under an attack from
// more addresses than that, a newcomer may be refused for a second, but none can guess more often.
const ADDRESSES: usize = 10_000;

/// The failures of the current second.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The second of the last failure, counted from 1, so that a request in a second without any asks nothing more.
    last: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    second: u64,
    by_address: HashMap<IpAddr, u32>,
    of_others: u32,
}

impl Failures {
    /// Whether `address` has failed too often within the second of `now`.
    pub(super) fn is_barred(&self, address: IpAddr, now: Duration) -> bool {
        self.last.load(Ordering::Relaxed) == now.as_secs() + 1 && self.table().is_barred(address, now)
    }

    /// Remembers one more failure of `address`.
    pub(super) fn record(&self, address: IpAddr, now: Duration) {
        self.last.store(now.as_secs() + 1, Ordering::Relaxed);
        self.table().record(address, now);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Counters have no invariant that a panic could break.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn is_barred(&mut self, address: IpAddr, now: Duration) -> bool {
        self.turn(now);
        *self.counter(address) >= FAILURES_PER_SECOND
    }

    fn record(&mut self, address: IpAddr, now: Duration) {
        self.turn(now);
        let address = network(address);
        if self.by_address.len() < ADDRESSES {
            self.by_address.entry(address).or_default();
        }
        *self.counter(address) += 1;
    }

    fn turn(&mut self, now: Duration) {
        if self.second != now.as_secs() {
            self.second = now.as_secs();
            self.by_address.clear();
            self.of_others = 0;
        }
    }

    fn counter(&mut self, address: IpAddr) -> &mut u32 {
        self.by_address.get_mut(&network(address)).unwrap_or(&mut self.of_others)
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(7_300);

    fn failed(address: &str, times: u32) -> Failures {
        let failures = Failures::default();
        (0..times).for_each(|_| failures.record(address.parse().unwrap(), NOW));
        failures
    }

    #[test]
    fn the_tenth_failure_bars_an_address_for_the_rest_of_the_second() {
        let address = "192.0.2.1".parse().unwrap();
        assert!(!failed("192.0.2.1", 9).is_barred(address, NOW));
        let failures = failed("192.0.2.1", 10);
        assert!(failures.is_barred(address, Duration::from_millis(7_999)));
        assert!(!failures.is_barred(address, Duration::from_secs(8)));
    }

    #[test]
    fn an_address_is_not_barred_for_what_another_does() {
        assert!(!failed("192.0.2.1", 10).is_barred("192.0.2.2".parse().unwrap(), NOW));
    }

    #[test]
    fn an_ipv4_address_is_the_same_when_mapped_into_ipv6_and_a_64_network_is_one() {
        assert!(failed("::ffff:192.0.2.1", 10).is_barred("192.0.2.1".parse().unwrap(), NOW));
        assert!(failed("2001:db8::1", 10).is_barred("2001:db8::2".parse().unwrap(), NOW));
        assert!(!failed("2001:db8::1", 10).is_barred("2001:db8:0:1::1".parse().unwrap(), NOW));
    }

    #[test]
    fn the_table_stays_bounded_and_addresses_beyond_share_one_counter() {
        let failures = Failures::default();
        for address in 0..20_000_u32 {
            failures.record(IpAddr::from(address.to_be_bytes()), NOW);
        }
        assert_eq!(failures.table().by_address.len(), ADDRESSES);
        assert!(failures.is_barred("203.0.113.9".parse().unwrap(), NOW));
        assert!(!failures.is_barred(IpAddr::from([0, 0, 0, 1]), NOW));
    }
}
