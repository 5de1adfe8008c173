//! What differs between two states of an object, field by field.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::FieldSet;
use super::lists::{ITEM, ListType, ListTypes};
use super::shape::{Shape, fields, is_empty, items, shape_of};
use super::step::Step;

/// The fields that differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

/// Tells what a writer changed.
pub(super) fn compare(before: &Value, after: &Value, lists: &dyn ListTypes) -> Changes {
    let mut walk = Walk { lists, path: Vec::new(), at: Vec::new(), changes: Changes::default() };
    walk.pair(Some(before), Some(after));
    walk.changes
}

impl Changes {
    /// What a writer takes: all it set.
    pub(super) fn into_set(self) -> FieldSet {
        let mut set = self.added;
        set.unite(&self.modified);
        set
    }
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
    at: Vec<Step>,
    changes: Changes,
}

type Side<'a> = Option<&'a Value>;

impl<'a> Walk<'a> {
    fn pair(&mut self, before: Side<'a>, after: Side<'a>) {
        if before == after {
            // Most of an object stays as it is: a comparison is much cheaper than a walk.
            return;
        }
        let left = shape_of(self.lists, &self.path, before);
        let right = shape_of(self.lists, &self.path, after);
        match (left, right) {
            (Some(left), Some(right)) if left != right => {
                self.changes.modified.insert(&self.at);
                self.inside(left, before, None);
                self.inside(right, None, after);
            }
            (Some(shape), _) | (None, Some(shape)) => self.shaped(shape, before, after),
            (None, None) => self.leaf(before, after),
        }
        if before.is_none() {
            self.changes.added.insert(&self.at);
        } else if after.is_none() {
            self.changes.removed.insert(&self.at);
        }
    }

    fn shaped(&mut self, shape: Shape<'_>, before: Side<'a>, after: Side<'a>) {
        let both_empty = is_empty(before) && is_empty(after);
        if shape == Shape::Leaf || both_empty {
            self.leaf(before, after);
        } else {
            self.inside(shape, before, after);
        }
    }

    fn leaf(&mut self, before: Side<'a>, after: Side<'a>) {
        if before.is_some() && after.is_some() && before != after {
            self.changes.modified.insert(&self.at);
        }
    }

    fn inside(&mut self, shape: Shape<'_>, before: Side<'a>, after: Side<'a>) {
        match shape {
            Shape::Leaf => {}
            Shape::Map => {
                for (key, value) in fields(before) {
                    self.field(key, Some(value), after.and_then(|after| after.get(key)));
                }
                for (key, value) in fields(after) {
                    if before.is_none_or(|before| before.get(key).is_none()) {
                        self.field(key, None, Some(value));
                    }
                }
            }
            Shape::List(list) => {
                self.path.push(ITEM);
                self.items(list, before, after);
                self.path.pop();
            }
        }
    }

    fn field(&mut self, key: &'a str, before: Side<'a>, after: Side<'a>) {
        self.path.push(key);
        self.at.push(Step::field(key));
        if before.is_some() && after.is_some() || !self.lists.is_always_present(&self.path) {
            self.pair(before, after);
        } else if !is_empty(before) || !is_empty(after) {
            // Go has an empty struct where the JSON has nothing.
            self.pair(before.or(Some(&Value::Null)), after.or(Some(&Value::Null)));
        }
        self.at.pop();
        self.path.pop();
    }

    fn items(&mut self, list: ListType<'_>, before: Side<'a>, after: Side<'a>) {
        let mut pairs: BTreeMap<Step, (Vec<&'a Value>, Vec<&'a Value>)> = BTreeMap::new();
        // Items without an identity cannot be owned; validation refuses them.
        for item in items(before) {
            if let Ok(step) = Step::to_item(list, item) {
                pairs.entry(step).or_default().0.push(item);
            }
        }
        for item in items(after) {
            if let Ok(step) = Step::to_item(list, item) {
                pairs.entry(step).or_default().1.push(item);
            }
        }
        for (step, (left, right)) in pairs {
            self.at.push(step);
            self.same_step(&left, &right);
            self.at.pop();
        }
    }

    /// Items of one identity: usually one on each side. Several are compared as a whole.
    fn same_step(&mut self, left: &[&'a Value], right: &[&'a Value]) {
        match (left, right) {
            ([] | [_], [] | [_]) => self.pair(left.first().copied(), right.first().copied()),
            ([_, _, ..], [_, _, ..]) => {
                if left != right {
                    self.changes.modified.insert(&self.at);
                }
            }
            ([_, _, ..], _) => {
                if let [item] = right {
                    self.pair(None, Some(item));
                }
                self.changes.removed.insert(&self.at);
            }
            (_, [_, _, ..]) => {
                if let [item] = left {
                    self.pair(Some(item), None);
                }
                self.changes.added.insert(&self.at);
            }
        }
    }
}
