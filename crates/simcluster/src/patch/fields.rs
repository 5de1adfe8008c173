//! A set of fields of an object.
//!
//! Owns the set and its form in `fieldsV1`. Which fields belong in it is for `compare` and `configured`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::step::Step;

/// Fields by their paths. A path can be in the set without the paths below it, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    nodes: BTreeMap<Step, Node>,
}

/// Whether a path is itself in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Member,
    /// Only what is below it.
    None,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    is_member: bool,
    below: FieldSet,
}

impl FieldSet {
    /// Adds a path; the root itself is never in a set.
    pub(super) fn insert(&mut self, path: &[Step]) {
        let Some((first, rest)) = path.split_first() else { return };
        if !self.nodes.contains_key(first) {
            self.nodes.insert(first.clone(), Node::default());
        }
        let node = self.nodes.get_mut(first).expect("the node was inserted above");
        if rest.is_empty() {
            node.is_member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Adds a step and what is below it, which replaces what was known of the step.
    pub(super) fn nest(&mut self, step: Step, membership: Membership, below: FieldSet) {
        let node = Node { is_member: membership == Membership::Member, below };
        if !node.is_empty() {
            self.nodes.insert(step, node);
        }
    }

    /// Takes out a path of field names; what is below it stays.
    pub(super) fn discard(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else { return };
        let step = Step::field(first);
        let Some(node) = self.nodes.get_mut(&step) else { return };
        if rest.is_empty() {
            node.is_member = false;
        } else {
            node.below.discard(rest);
        }
        if node.is_empty() {
            self.nodes.remove(&step);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether the path of this one step is in the set.
    pub(super) fn has(&self, step: &Step) -> bool {
        self.nodes.get(step).is_some_and(|node| node.is_member)
    }

    /// What is below a step; `None` if nothing is.
    pub(super) fn below(&self, step: &Step) -> Option<&FieldSet> {
        self.nodes.get(step).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// A step as this set has it, if a path begins with it.
    pub(super) fn step(&self, step: &Step) -> Option<&Step> {
        self.nodes.get_key_value(step).map(|(step, _)| step)
    }

    /// The first steps of all paths.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.nodes.keys()
    }

    pub(super) fn unite(&mut self, other: &Self) {
        for (step, theirs) in &other.nodes {
            match self.nodes.get_mut(step) {
                Some(ours) => {
                    ours.is_member |= theirs.is_member;
                    ours.below.unite(&theirs.below);
                }
                None => {
                    self.nodes.insert(step.clone(), theirs.clone());
                }
            }
        }
    }

    /// Takes out exactly the paths of `other`, not what is below them.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (step, theirs) in &other.nodes {
            let Some(ours) = self.nodes.get_mut(step) else { continue };
            ours.is_member &= !theirs.is_member;
            ours.below.subtract(&theirs.below);
            if ours.is_empty() {
                self.nodes.remove(step);
            }
        }
    }

    /// The paths that are in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let common = self.nodes.iter().filter_map(|(step, ours)| {
            let theirs = other.nodes.get(step)?;
            let is_member = ours.is_member && theirs.is_member;
            let node = Node { is_member, below: ours.below.intersection(&theirs.below) };
            (!node.is_empty()).then(|| (step.clone(), node))
        });
        Self { nodes: common.collect() }
    }

    /// All paths as messages show them: those of a level first, then what is below them.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let members = self.nodes.iter().filter(|(_, node)| node.is_member);
        paths.extend(members.map(|(step, _)| format!("{prefix}{step}")));
        for (step, node) in &self.nodes {
            node.below.collect_paths(&format!("{prefix}{step}"), paths);
        }
    }

    pub(super) fn to_v1(&self) -> Value {
        let nodes = self.nodes.iter().map(|(step, node)| (step.to_v1(), node.to_v1()));
        Value::Object(nodes.collect())
    }

    /// `None` if it is no fieldsV1.
    pub(super) fn from_v1(value: &Value) -> Option<Self> {
        let mut nodes = BTreeMap::new();
        for (key, below) in value.as_object()? {
            if key == "." {
                // The root can be named, and means nothing.
                continue;
            }
            nodes.insert(Step::from_v1(key)?, Node::from_v1(below)?);
        }
        Some(Self { nodes })
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.is_member && self.below.is_empty()
    }

    fn to_v1(&self) -> Value {
        let Value::Object(below) = self.below.to_v1() else { unreachable!("fieldsV1 is an object") };
        if below.is_empty() || !self.is_member {
            return Value::Object(below);
        }
        let own = Map::from_iter([(".".to_owned(), Value::Object(Map::new()))]);
        Value::Object(own.into_iter().chain(below).collect())
    }

    fn from_v1(value: &Value) -> Option<Self> {
        let map = value.as_object()?;
        let is_member = map.is_empty() || map.contains_key(".");
        Some(Self { is_member, below: FieldSet::from_v1(value)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::patch::step::Literal;

    fn step() -> impl Strategy<Value = Step> {
        let text = "[a-c]{1,2}";
        prop_oneof![
            text.prop_map(Step::Field),
            (text, any::<i8>()).prop_map(|(name, port)| Step::Key(vec![
                ("n".into(), Literal(name.into())),
                ("p".into(), Literal(port.into()))
            ])),
            prop_oneof![any::<bool>().prop_map(Value::from), text.prop_map(Value::from)]
                .prop_map(|value| Step::Value(Literal(value))),
        ]
    }

    fn fields() -> impl Strategy<Value = FieldSet> {
        proptest::collection::vec(proptest::collection::vec(step(), 1..4), 0..12).prop_map(|paths| {
            let mut fields = FieldSet::default();
            for path in &paths {
                fields.insert(path);
            }
            fields
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(fields in fields()) {
            let text = fields.to_v1().to_string();
            prop_assert_eq!(FieldSet::from_v1(&serde_json::from_str(&text).unwrap()), Some(fields));
        }

        #[test]
        fn a_union_splits_into_the_difference_and_the_other_set(a in fields(), b in fields()) {
            let mut difference = a.clone();
            difference.subtract(&b);
            prop_assert!(difference.intersection(&b).is_empty());
            let (mut union, mut rejoined) = (a, difference);
            union.unite(&b);
            rejoined.unite(&b);
            prop_assert_eq!(union, rejoined);
        }
    }

    #[test]
    fn a_field_that_is_owned_with_some_below_it_has_a_dot() {
        let recorded = json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"example.org/hold\"": {}}}});
        let fields = FieldSet::from_v1(&recorded).unwrap();
        assert_eq!(fields.paths(), [".metadata.finalizers", ".metadata.finalizers[=\"example.org/hold\"]"]);
        assert_eq!(fields.to_v1(), recorded);
    }

    #[test]
    fn what_is_no_fields_v1_is_refused() {
        for value in [json!([]), json!({"x:a": {}}), json!({"k:[]": {}}), json!({"f:a": 1}), json!({"v:{": {}})] {
            assert_eq!(FieldSet::from_v1(&value), None, "{value}");
        }
    }
}
