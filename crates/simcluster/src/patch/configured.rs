//! The fields that an apply configuration sets.

use serde_json::Value;

use super::fields::{FieldSet, Membership};
use super::lists::{ITEM, ListType, ListTypes};
use super::shape::{Shape, fields, items, shape_of};
use super::step::{ItemError, Step};

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where the list is, for example `.spec.containers[name="a"].env`.
    pub path: String,
    /// What is wrong with it.
    pub sort: FaultSort,
}

/// How a list can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultSort {
    /// The item at this index cannot be told from others.
    #[error("element {0}: {1}")]
    Item(usize, ItemError),
    /// Two items are the same.
    #[error("duplicate entries for key {0}")]
    Duplicate(String),
}

/// All fields that `configuration` sets, as its manager will own them.
pub(super) fn configured(configuration: &Value, lists: &dyn ListTypes) -> Result<FieldSet, Vec<Fault>> {
    let mut walk = Walk { lists, path: Vec::new(), faults: Vec::new() };
    let set = match walk.value(configuration) {
        Owned::Parts(parts) => parts,
        Owned::Whole => FieldSet::default(),
    };
    if walk.faults.is_empty() { Ok(set) } else { Err(walk.faults) }
}

/// How a value is owned.
enum Owned {
    Whole,
    Parts(FieldSet),
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
    faults: Vec<Fault>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value) -> Owned {
        match shape_of(self.lists, &self.path, Some(value)) {
            Some(Shape::Leaf) => Owned::Whole,
            Some(Shape::Map) => Owned::Parts(self.fields(value)),
            Some(Shape::List(list)) => {
                self.path.push(ITEM);
                let owned = self.items(list, value);
                self.path.pop();
                Owned::Parts(owned)
            }
            None => Owned::Parts(FieldSet::default()),
        }
    }

    /// The value that a step leads to; its faults lie behind that step.
    fn behind(&mut self, step: &Step, value: &'a Value) -> Owned {
        let known = self.faults.len();
        let owned = self.value(value);
        for fault in &mut self.faults[known..] {
            fault.path.insert_str(0, &step.to_string());
        }
        owned
    }

    fn fields(&mut self, value: &'a Value) -> FieldSet {
        let mut set = FieldSet::default();
        for (key, value) in fields(Some(value)) {
            let step = Step::field(key);
            self.path.push(key);
            let is_blank = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            // A key of a map is set by being there; a declared field only by what is in it.
            let is_set = is_blank || !self.lists.is_field(&self.path);
            let owned = self.behind(&step, value);
            self.path.pop();
            let (membership, below) = match owned {
                Owned::Whole => (Membership::Member, FieldSet::default()),
                Owned::Parts(below) if is_set => (Membership::Member, below),
                Owned::Parts(below) => (Membership::None, below),
            };
            set.nest(step, membership, below);
        }
        set
    }

    fn items(&mut self, list: ListType<'_>, value: &'a Value) -> FieldSet {
        let mut set = FieldSet::default();
        for (index, item) in items(Some(value)).iter().enumerate() {
            match Step::to_item(list, item) {
                Err(error) => self.report(FaultSort::Item(index, error)),
                Ok(step) if set.has(&step) => self.report(FaultSort::Duplicate(step.to_string())),
                Ok(step) => {
                    let below = match self.behind(&step, item) {
                        Owned::Whole => FieldSet::default(),
                        Owned::Parts(below) => below,
                    };
                    set.nest(step, Membership::Member, below);
                }
            }
        }
        set
    }

    fn report(&mut self, sort: FaultSort) {
        self.faults.push(Fault { path: String::new(), sort });
    }
}
