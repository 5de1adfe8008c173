//! Taking out of an object what its applier does not apply any more and nobody else owns.

use serde_json::Value;

use super::fields::FieldSet;
use super::lists::{ITEM, ListTypes};
use super::shape::{Shape, is_empty, shape_of};
use super::step::Step;

/// Removes the fields of `dropped` from `object`, except for those of any of `kept`.
pub(super) fn prune(object: &mut Value, dropped: &FieldSet, kept: &[&FieldSet], lists: &dyn ListTypes) {
    Walk { lists, path: Vec::new() }.inside(object, dropped, kept);
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
}

/// What becomes of one field.
enum Fate {
    Stays,
    Goes,
}

impl<'a> Walk<'a> {
    fn inside(&mut self, value: &mut Value, dropped: &'a FieldSet, kept: &[&FieldSet]) {
        match (shape_of(self.lists, &self.path, Some(value)), value) {
            (Some(Shape::Map), Value::Object(map)) => {
                for step in dropped.steps() {
                    let Step::Field(name) = step else { continue };
                    let Some(value) = map.get_mut(name) else { continue };
                    self.path.push(name);
                    if matches!(self.fate(value, step, dropped, kept), Fate::Goes) {
                        map.shift_remove(name);
                    }
                    self.path.pop();
                }
            }
            (Some(Shape::List(list)), Value::Array(items)) => {
                self.path.push(ITEM);
                items.retain_mut(|item| {
                    let step = Step::to_item(list, item).ok();
                    let Some(step) = step.and_then(|step| dropped.step(&step)) else { return true };
                    matches!(self.fate(item, step, dropped, kept), Fate::Stays)
                });
                self.path.pop();
            }
            (Some(Shape::Leaf | Shape::Map | Shape::List(_)) | None, _) => {}
        }
    }

    fn fate(&mut self, value: &mut Value, step: &'a Step, dropped: &'a FieldSet, kept: &[&FieldSet]) -> Fate {
        let kept_below: Vec<&FieldSet> = kept.iter().filter_map(|kept| kept.below(step)).collect();
        let is_declared = matches!(step, Step::Field(_)) && self.lists.is_field(&self.path);
        // To own a part of a declared field is to want the field.
        let is_kept = kept.iter().any(|kept| kept.has(step)) || is_declared && !kept_below.is_empty();
        let is_leaf = !matches!(shape_of(self.lists, &self.path, Some(value)), Some(Shape::Map | Shape::List(_)));
        // A declared field with something in it goes field by field: others may have put it there unowned.
        let goes_whole = is_leaf || !is_declared || is_empty(Some(value));
        if goes_whole && dropped.has(step) && !is_kept {
            return Fate::Goes;
        }
        if let Some(below) = dropped.below(step) {
            let was_empty = is_empty(Some(value));
            self.inside(value, below, &kept_below);
            if is_declared && !is_kept && !was_empty && is_empty(Some(value)) {
                return Fate::Goes;
            }
        }
        Fate::Stays
    }
}
