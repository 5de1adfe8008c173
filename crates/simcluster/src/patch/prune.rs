//! Taking out of an object what its applier does not apply any more and nobody else owns.

use serde_json::Value;

use super::fields::FieldSet;
use super::lists::{ITEM, ListTypes};
use super::shape::{Shape, is_empty, shape_of};
use super::step::Step;

/// Removes the fields of `dropped` from `object`, except for those of `kept`.
pub(super) fn prune(object: &mut Value, dropped: &FieldSet, kept: &FieldSet, lists: &dyn ListTypes) {
    Walk { lists }.inside(object, dropped, kept, &mut Vec::new());
}

struct Walk<'a> {
    lists: &'a dyn ListTypes,
}

/// What becomes of one field.
enum Fate {
    Stays,
    Goes,
}

impl Walk<'_> {
    fn inside<'s>(&self, value: &mut Value, dropped: &'s FieldSet, kept: &FieldSet, path: &mut Vec<&'s str>) {
        match shape_of(self.lists, path, Some(value)) {
            Some(Shape::Map) => self.map(value, dropped, kept, path),
            Some(Shape::List(list)) => {
                let Value::Array(items) = value else { unreachable!("only an array has the shape of a list") };
                path.push(ITEM);
                items.retain_mut(|item| {
                    let Ok(step) = Step::to_item(list, item) else { return true };
                    let Some(step) = dropped.steps().find(|dropped| **dropped == step) else { return true };
                    matches!(self.fate(item, step, (dropped, kept), path), Fate::Stays)
                });
                path.pop();
            }
            Some(Shape::Leaf) | None => {}
        }
    }

    fn map<'s>(&self, value: &mut Value, dropped: &'s FieldSet, kept: &FieldSet, path: &mut Vec<&'s str>) {
        let Value::Object(map) = value else { return };
        for step in dropped.steps() {
            let Step::Field(name) = step else { continue };
            let Some(value) = map.get_mut(name) else { continue };
            path.push(name);
            if matches!(self.fate(value, step, (dropped, kept), path), Fate::Goes) {
                map.shift_remove(name);
            }
            path.pop();
        }
    }

    fn fate<'s>(
        &self,
        value: &mut Value,
        step: &Step,
        (dropped, kept): (&'s FieldSet, &FieldSet),
        path: &mut Vec<&'s str>,
    ) -> Fate {
        let nothing = FieldSet::default();
        let kept_below = kept.below(step).unwrap_or(&nothing);
        let is_declared = matches!(step, Step::Field(_)) && self.lists.is_field(path);
        // To own a part of a declared field is to want the field.
        let is_kept = kept.has(step) || is_declared && !kept_below.is_empty();
        let is_leaf = !matches!(shape_of(self.lists, path, Some(value)), Some(Shape::Map | Shape::List(_)));
        // A declared field with something in it goes field by field: others may have put it there unowned.
        let goes_whole = is_leaf || !is_declared || is_empty(Some(value));
        if goes_whole && dropped.has(step) && !is_kept {
            return Fate::Goes;
        }
        if let Some(below) = dropped.below(step) {
            let was_empty = is_empty(Some(value));
            self.inside(value, below, kept_below, path);
            if is_declared && !is_kept && !was_empty && is_empty(Some(value)) {
                return Fate::Goes;
            }
        }
        Fate::Stays
    }
}
