//! All slots in the order of lists: by namespace, name, uid.
//!
//! Owns positions only; how two slots compare is said by who asks. Short runs in a list of runs: a new slot moves at most
//! one run.

use std::cmp::Ordering;

/// A run that is longer is cut in two.
const RUN: usize = 512;

/// Slots in order.
#[derive(Debug, Default)]
pub(super) struct Order {
    runs: Vec<Vec<u32>>,
}

impl Order {
    /// Takes a slot in. `compare` tells how a known slot stands to the new one.
    pub(super) fn insert(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) {
        let run = self.runs.partition_point(|run| compare(run[0]).is_lt()).saturating_sub(1);
        let Some(slots) = self.runs.get_mut(run) else {
            self.runs.push(vec![slot]);
            return;
        };
        // Lists come sorted, so that most slots are last.
        let at = match slots.last() {
            Some(&last) if compare(last).is_lt() => slots.len(),
            _ => slots.partition_point(|&known| compare(known).is_lt()),
        };
        slots.insert(at, slot);
        if slots.len() > RUN {
            // At the end of the order it goes on; elsewhere both halves will grow.
            let is_last = at + 1 == slots.len();
            let rest = slots.split_off(if is_last { RUN } else { RUN / 2 });
            self.runs.insert(run + 1, rest);
        }
    }

    /// Takes a slot out. `compare` tells how a known slot stands to it.
    pub(super) fn remove(&mut self, compare: impl Fn(u32) -> Ordering) {
        let run = self.runs.partition_point(|run| compare(run[0]).is_le()).saturating_sub(1);
        let Some(slots) = self.runs.get_mut(run) else { return };
        if let Ok(at) = slots.binary_search_by(|&known| compare(known)) {
            slots.remove(at);
            if slots.is_empty() {
                self.runs.remove(run);
            }
        }
    }

    /// The slots from the first on that `is_before` does not hold for.
    pub(super) fn from(&self, is_before: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let run = self.runs.partition_point(|run| is_before(run[0])).saturating_sub(1);
        let skip = self.runs.get(run).map_or(0, |slots| slots.partition_point(|&slot| is_before(slot)));
        self.runs[run.min(self.runs.len())..].iter().flatten().copied().skip(skip)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.runs.iter().map(|run| run.capacity() * size_of::<u32>() + size_of::<Vec<u32>>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_order_is_that_of_a_sorted_set(steps in prop::collection::vec((any::<bool>(), 0_u32..3000), 0..3000)) {
            let (mut order, mut model) = (Order::default(), BTreeSet::new());
            for (is_in, slot) in steps {
                if is_in && model.insert(slot) {
                    order.insert(slot, |known| known.cmp(&slot));
                } else if !is_in && model.remove(&slot) {
                    order.remove(|known| known.cmp(&slot));
                }
            }
            prop_assert_eq!(order.len(), model.len());
            for start in [0, 1500, 4000] {
                let found: Vec<u32> = order.from(|slot| slot < start).collect();
                prop_assert_eq!(found, model.range(start..).copied().collect::<Vec<_>>());
            }
        }
    }
}
