//! The fields that an apply configuration sets.

use serde_json::Value;

use super::fields::FieldSet;
use super::lists::{ITEM, ListType, ListTypes};
use super::shape::{Shape, fields, items, shape_of};
use super::step::{ItemError, Step};

/// Why a configuration cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfiguration {
    /// An item of a list cannot be told from others.
    #[error("{path}: element {index}: {source}", index = .0, path = .1, source = .2)]
    Item(usize, String, ItemError),
    /// Two items of a list are the same.
    #[error("{0}: duplicate entries for key {1}")]
    Duplicate(String, String),
}

/// All fields that `configuration` sets, as its manager will own them.
pub(super) fn configured(configuration: &Value, lists: &dyn ListTypes) -> Result<FieldSet, InvalidConfiguration> {
    let mut walk = Walk { lists, path: Vec::new(), at: Vec::new(), set: FieldSet::default() };
    walk.value(configuration)?;
    Ok(walk.set)
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
    at: Vec<Step>,
    set: FieldSet,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value) -> Result<(), InvalidConfiguration> {
        match shape_of(self.lists, &self.path, Some(value)) {
            Some(Shape::Leaf) => {
                self.set.insert(&self.at);
                Ok(())
            }
            Some(Shape::Map) => fields(Some(value)).try_for_each(|(key, value)| self.field(key, value)),
            Some(Shape::List(list)) => {
                self.path.push(ITEM);
                let done = self.items(list, value);
                self.path.pop();
                done
            }
            None => Ok(()),
        }
    }

    fn field(&mut self, key: &'a str, value: &'a Value) -> Result<(), InvalidConfiguration> {
        self.path.push(key);
        self.at.push(Step::field(key));
        let is_blank = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        // A key of a map is set by being there; a declared field only by what is in it.
        if is_blank || !self.lists.is_field(&self.path) {
            self.set.insert(&self.at);
        }
        self.value(value)?;
        self.at.pop();
        self.path.pop();
        Ok(())
    }

    fn items(&mut self, list: ListType<'_>, value: &'a Value) -> Result<(), InvalidConfiguration> {
        let mut seen = FieldSet::default();
        for (index, item) in items(Some(value)).iter().enumerate() {
            let step =
                Step::to_item(list, item).map_err(|error| InvalidConfiguration::Item(index, self.place(), error))?;
            if seen.has(&step) {
                return Err(InvalidConfiguration::Duplicate(self.place(), step.to_string()));
            }
            seen.insert(std::slice::from_ref(&step));
            self.at.push(step);
            self.set.insert(&self.at);
            self.value(item)?;
            self.at.pop();
        }
        Ok(())
    }

    fn place(&self) -> String {
        self.at.iter().map(Step::to_string).collect()
    }
}
