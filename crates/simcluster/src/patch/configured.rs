//! The fields that an apply configuration sets.

use serde_json::Value;

use super::fields::{FieldSet, Membership};
use super::lists::{ITEM, ListType, ListTypes};
use super::shape::{Shape, fields, items, shape_of};
use super::step::{ItemError, Step};

/// Why a configuration cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfiguration {
    /// An item of a list cannot be told from others.
    #[error("{path}: element {index}: {fault}")]
    Item {
        /// Which item, from 0.
        index: usize,
        /// Where the list is.
        path: String,
        /// What it lacks.
        fault: ItemError,
    },
    /// Two items of a list are the same.
    #[error("{0}: duplicate entries for key {1}")]
    Duplicate(String, String),
}

/// All fields that `configuration` sets, as its manager will own them.
pub(super) fn configured(configuration: &Value, lists: &dyn ListTypes) -> Result<FieldSet, InvalidConfiguration> {
    match (Walk { lists, path: Vec::new() }).value(configuration)? {
        Owned::Parts(parts) => Ok(parts),
        Owned::Whole => Ok(FieldSet::default()),
    }
}

/// How a value is owned.
enum Owned {
    Whole,
    Parts(FieldSet),
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value) -> Result<Owned, InvalidConfiguration> {
        match shape_of(self.lists, &self.path, Some(value)) {
            Some(Shape::Leaf) => Ok(Owned::Whole),
            Some(Shape::Map) => self.fields(value).map(Owned::Parts),
            Some(Shape::List(list)) => {
                self.path.push(ITEM);
                let owned = self.items(list, value);
                self.path.pop();
                owned.map(Owned::Parts)
            }
            None => Ok(Owned::Parts(FieldSet::default())),
        }
    }

    fn fields(&mut self, value: &'a Value) -> Result<FieldSet, InvalidConfiguration> {
        let mut set = FieldSet::default();
        for (key, value) in fields(Some(value)) {
            self.path.push(key);
            let is_blank = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            // A key of a map is set by being there; a declared field only by what is in it.
            let is_set = is_blank || !self.lists.is_field(&self.path);
            let owned = self.value(value)?;
            self.path.pop();
            let (membership, below) = match owned {
                Owned::Whole => (Membership::Member, FieldSet::default()),
                Owned::Parts(below) if is_set => (Membership::Member, below),
                Owned::Parts(below) => (Membership::None, below),
            };
            set.nest(Step::field(key), membership, below);
        }
        Ok(set)
    }

    fn items(&mut self, list: ListType<'_>, value: &'a Value) -> Result<FieldSet, InvalidConfiguration> {
        let mut set = FieldSet::default();
        for (index, item) in items(Some(value)).iter().enumerate() {
            let step = Step::to_item(list, item).map_err(|fault| InvalidConfiguration::Item {
                index,
                path: self.place(),
                fault,
            })?;
            if set.has(&step) {
                return Err(InvalidConfiguration::Duplicate(self.place(), step.to_string()));
            }
            let below = match self.value(item)? {
                Owned::Whole => FieldSet::default(),
                Owned::Parts(below) => below,
            };
            set.nest(step, Membership::Member, below);
        }
        Ok(set)
    }

    /// Where a list is; keys of the items around it are left out.
    fn place(&self) -> String {
        let names = self.path.iter().filter(|name| **name != ITEM);
        names.flat_map(|name| [".", name]).collect()
    }
}
