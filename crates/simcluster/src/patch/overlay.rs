//! Laying an apply configuration over an object.
//!
//! Owns the values and the order of lists: items of the configuration keep their order, the others stay where they were
//! between them, as structured-merge-diff does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::lists::{ITEM, ListType, ListTypes};
use super::shape::{Shape, is_empty, shape_of};
use super::step::Step;

/// `live` with all that `configuration` sets.
pub(super) fn overlay(live: &Value, configuration: &Value, lists: &dyn ListTypes) -> Value {
    Walk { lists, path: Vec::new() }.value(live, configuration)
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, live: &'a Value, configuration: &'a Value) -> Value {
        let old = shape_of(self.lists, &self.path, Some(live));
        let new = shape_of(self.lists, &self.path, Some(configuration));
        let (Some(Shape::Map | Shape::List(_)), None) = (old, new) else {
            return self.set(old, new, live, configuration);
        };
        // A configured null leaves what is in a map or a list to its owners.
        if is_empty(Some(live)) { configuration.clone() } else { live.clone() }
    }

    fn set(
        &mut self,
        old: Option<Shape<'_>>,
        new: Option<Shape<'_>>,
        live: &'a Value,
        configuration: &'a Value,
    ) -> Value {
        match (live, configuration, new) {
            (Value::Object(live), Value::Object(configuration), Some(Shape::Map)) if old == new => {
                Value::Object(self.map(live, configuration))
            }
            (Value::Array(live), Value::Array(configuration), Some(Shape::List(list))) if old == new => {
                self.path.push(ITEM);
                let merged = self.list(list, live, configuration);
                self.path.pop();
                Value::Array(merged)
            }
            _ => configuration.clone(),
        }
    }

    fn map(&mut self, live: &'a Map<String, Value>, configuration: &'a Map<String, Value>) -> Map<String, Value> {
        let mut merged = Map::with_capacity(live.len().max(configuration.len()));
        for (key, live) in live {
            let value = match configuration.get(key) {
                Some(value) => {
                    self.path.push(key);
                    let merged = self.value(live, value);
                    self.path.pop();
                    merged
                }
                None => live.clone(),
            };
            merged.insert(key.clone(), value);
        }
        let new = configuration.iter().filter(|(key, _)| !live.contains_key(*key));
        merged.extend(new.map(|(key, value)| (key.clone(), value.clone())));
        merged
    }

    fn list(&mut self, list: ListType<'_>, live: &'a [Value], configuration: &'a [Value]) -> Vec<Value> {
        let stepped = |items: &'a [Value]| -> Vec<(Option<Step>, &'a Value)> {
            items.iter().map(|item| (Step::to_item(list, item).ok(), item)).collect()
        };
        let (left, right) = (stepped(live), stepped(configuration));
        let mut order = Order::new(&left, &right);
        let mut merged = Vec::with_capacity(left.len() + right.len());
        while let Some(taken) = order.next() {
            merged.push(match taken {
                Taken::Live(item) | Taken::Configured { live: None, item } => item.clone(),
                Taken::Configured { live: Some(live), item } => self.value(live, item),
            });
        }
        merged
    }
}

type Stepped<'a> = (Option<Step>, &'a Value);

/// What comes next in a merged list.
enum Taken<'a> {
    Live(&'a Value),
    Configured { live: Option<&'a Value>, item: &'a Value },
}

/// Merges two orders: that of the configuration is kept, that of the live list where it does not contradict.
struct Order<'s, 'a> {
    left: VecDeque<&'s Stepped<'a>>,
    right: VecDeque<&'s Stepped<'a>>,
    /// Live items by identity; of several equal ones none, as they cannot be merged.
    live: BTreeMap<&'s Step, Option<&'a Value>>,
    configured: BTreeSet<&'s Step>,
    /// Items of both lists that are still to come, in the order of the configuration.
    shared: VecDeque<&'s Step>,
}

impl<'s, 'a> Order<'s, 'a> {
    fn new(left: &'s [Stepped<'a>], right: &'s [Stepped<'a>]) -> Self {
        let mut live = BTreeMap::new();
        for (step, item) in left {
            if let Some(step) = step {
                live.entry(step).and_modify(|known| *known = None).or_insert(Some(*item));
            }
        }
        let steps = || right.iter().filter_map(|(step, _)| step.as_ref());
        let shared = steps().filter(|step| live.contains_key(step)).collect();
        let configured = steps().collect();
        Self { left: left.iter().collect(), right: right.iter().collect(), live, configured, shared }
    }

    fn next(&mut self) -> Option<Taken<'a>> {
        loop {
            let Some((step, item)) = self.left.front() else { return self.take_configured() };
            let is_shared = step.as_ref().is_some_and(|step| self.configured.contains(step));
            if !is_shared {
                self.left.pop_front();
                return Some(Taken::Live(item));
            }
            let is_awaited = self.shared.front().copied() == step.as_ref();
            if is_awaited {
                if self.right.front().is_some_and(|(next, _)| next == step) {
                    self.left.pop_front();
                }
                return self.take_configured();
            }
            // A shared item, but not the one whose turn it is: it was taken, or is taken with the configuration.
            self.left.pop_front();
            if self.shared.is_empty() && !self.right.is_empty() {
                return self.take_configured();
            }
        }
    }

    fn take_configured(&mut self) -> Option<Taken<'a>> {
        let (step, item) = self.right.pop_front()?;
        if step.is_some() && self.shared.front().copied() == step.as_ref() {
            self.shared.pop_front();
        }
        let live = step.as_ref().and_then(|step| self.live.get(step).copied().flatten());
        Some(Taken::Configured { live, item })
    }
}
