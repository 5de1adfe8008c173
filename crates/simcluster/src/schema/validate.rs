//! Holding an object against a schema, in the words of Kubernetes.

use serde_json::{Map, Number, Value};

use super::Cause;
use super::format::{is_integer_of, is_text_of};
use super::node::{Additional, Bound, Edge, Kind, List, Node, Range};
use super::prune::child;

/// All that is wrong with an object.
pub(super) fn validate(root: &Node, object: &Value) -> Vec<Cause> {
    let mut faults = Faults { causes: Vec::new() };
    faults.value(root, object, "");
    faults.causes
}

/// The sorts of faults that Kubernetes tells apart, as reasons and as the beginnings of messages.
#[derive(Debug, Clone, Copy)]
enum Sort {
    Required,
    Invalid,
    TypeInvalid,
    NotSupported,
    Duplicate,
    TooLong,
    TooMany,
}

struct Faults {
    causes: Vec<Cause>,
}

impl Faults {
    fn value(&mut self, node: &Node, value: &Value, path: &str) {
        if value.is_null() && node.is_nullable {
            return;
        }
        self.kind(node, value, path);
        match value {
            Value::String(text) => self.text(node, text, path),
            Value::Number(number) => self.number(node, number, path),
            Value::Array(items) => self.array(node, items, path),
            Value::Object(object) => self.object(node, object, path),
            Value::Null | Value::Bool(_) => {}
        }
        self.allowed(node, value, path);
        self.alternatives(node, value, path);
    }

    fn kind(&mut self, node: &Node, value: &Value, path: &str) {
        if !is_of(node.kind, value) {
            self.wrong_type(path, node.kind.name(), &type_of(value).into());
        }
    }

    fn text(&mut self, node: &Node, text: &str, path: &str) {
        let value = || Value::from(text);
        let Range { least, most } = node.checks.length;
        let length = text.chars().count() as u64;
        if let Some(most) = most.filter(|most| length > *most) {
            let unit = if most == 1 { "byte" } else { "bytes" };
            self.push(Sort::TooLong, path, &format!(": may not be more than {most} {unit}"));
        }
        if let Some(least) = least.filter(|least| length < *least) {
            self.in_body(path, &value(), &format!("should be at least {least} chars long"));
        }
        if let Some(pattern) = node.checks.pattern.as_ref().filter(|pattern| !pattern.regex.is_match(text)) {
            self.in_body(path, &value(), &format!("should match '{}'", pattern.text));
        }
        if let Some(format) = node.checks.format.as_ref().filter(|format| !is_text_of(format, text)) {
            self.wrong_type(path, format, &value());
        }
    }

    fn number(&mut self, node: &Node, number: &Number, path: &str) {
        let value = Value::Number(number.clone());
        let float = |number: &Number| number.as_f64().unwrap_or_default();
        let beyond = |bound: &Bound, is_beyond: fn(f64, f64) -> bool| {
            is_beyond(float(number), float(&bound.value)) || bound.edge == Edge::Exclusive && *number == bound.value
        };
        if let Some(bound) = node.checks.maximum.as_ref().filter(|bound| beyond(bound, |a, b| a > b)) {
            let equal = if bound.edge == Edge::Inclusive { "or equal to " } else { "" };
            self.in_body(path, &value, &format!("should be less than {equal}{}", bound.value));
        }
        if let Some(bound) = node.checks.minimum.as_ref().filter(|bound| beyond(bound, |a, b| a < b)) {
            let equal = if bound.edge == Edge::Inclusive { "or equal to " } else { "" };
            self.in_body(path, &value, &format!("should be greater than {equal}{}", bound.value));
        }
        if let Some(step) = node.checks.multiple_of.as_ref().filter(|step| (float(number) / float(step)).fract() != 0.0)
        {
            self.in_body(path, &value, &format!("should be a multiple of {step}"));
        }
        let misses = |format: &&String| number.as_i64().is_some_and(|number| !is_integer_of(format, number));
        if let Some(format) = node.checks.format.as_ref().filter(misses) {
            let why = format!("Checked value must be of type {} with format {format} in {path}", node.kind.name());
            self.invalid(Sort::TypeInvalid, path, &value, &why);
        }
    }

    fn array(&mut self, node: &Node, items: &[Value], path: &str) {
        let Range { least, most } = node.checks.items;
        let count = items.len() as u64;
        if let Some(least) = least.filter(|least| count < *least) {
            self.in_body(path, &count.into(), &format!("should have at least {least} items"));
        }
        self.at_most(path, count, most);
        if let Some(schema) = &node.items {
            for (nth, item) in items.iter().enumerate() {
                self.value(schema, item, &format!("{path}[{nth}]"));
            }
        }
        self.unique(&node.list, items, path);
    }

    fn unique(&mut self, list: &List, items: &[Value], path: &str) {
        let identity = |item: &Value| match list {
            List::Atomic => None,
            List::Set => Some(item.clone()),
            List::Map(keys) => {
                let given = keys.iter().filter_map(|key| {
                    let value = item.get(&key.name).or(key.default.as_ref())?;
                    Some((key.name.clone(), value.clone()))
                });
                Some(Value::Object(given.collect()))
            }
        };
        let mut seen = std::collections::HashSet::new();
        for (nth, item) in items.iter().enumerate() {
            let Some(identity) = identity(item) else { return };
            if !seen.insert(identity.to_string()) {
                self.push(Sort::Duplicate, &format!("{path}[{nth}]"), &format!(": {identity}"));
            }
        }
    }

    fn object(&mut self, node: &Node, object: &Map<String, Value>, path: &str) {
        let Range { least, most } = node.checks.properties;
        let count = object.len() as u64;
        if let Some(least) = least.filter(|least| count < *least) {
            self.in_body(path, &count.into(), &format!("should have at least {least} properties"));
        }
        self.at_most(path, count, most);
        let identity: &[&str] = if node.is_resource { &["apiVersion", "kind"] } else { &[] };
        let required = node.checks.required.iter().map(String::as_str).chain(identity.iter().copied());
        for name in required.filter(|name| !object.contains_key(*name)) {
            self.push(Sort::Required, &child(path, name), "");
        }
        for (key, value) in object {
            match (node.properties.get(key), &node.additional) {
                (Some(schema), _) => self.value(schema, value, &child(path, key)),
                (None, Additional::Of(schema)) => self.value(schema, value, &child(path, key)),
                (None, Additional::Any | Additional::None) => {}
            }
        }
    }

    fn allowed(&mut self, node: &Node, value: &Value, path: &str) {
        let allowed = &node.checks.allowed;
        if allowed.is_empty() || allowed.contains(value) {
            return;
        }
        let quoted = |value: &Value| match value {
            Value::String(text) => format!("{text:?}"),
            other => format!("\"{other}\""),
        };
        let listed: Vec<_> = allowed.iter().map(quoted).collect();
        self.invalid(Sort::NotSupported, path, value, &format!("supported values: {}", listed.join(", ")));
    }

    fn alternatives(&mut self, node: &Node, value: &Value, path: &str) {
        let checks = &node.checks;
        let holds = |node: &Node| {
            let mut inner = Faults { causes: Vec::new() };
            inner.value(node, value, path);
            inner.causes.is_empty()
        };
        // What an integer or a string is has been checked, and its schemas say the same again.
        if !checks.any_of.is_empty() && node.kind != Kind::IntOrString && !checks.any_of.iter().any(holds) {
            self.nothing(path, "must validate at least one schema (anyOf)");
        }
        let valid = checks.one_of.iter().filter(|node| holds(node)).count();
        if !checks.one_of.is_empty() && valid != 1 {
            let found = if valid == 0 { "none valid".to_owned() } else { format!("{valid} valid alternatives") };
            self.nothing(path, &format!("must validate one and only one schema (oneOf). Found {found}"));
        }
        if !checks.all_of.iter().all(holds) {
            self.nothing(path, "must validate all the schemas (allOf)");
        }
        if checks.not.as_deref().is_some_and(holds) {
            self.nothing(path, "must not validate the schema (not)");
        }
    }

    fn at_most(&mut self, path: &str, count: u64, most: Option<u64>) {
        if let Some(most) = most.filter(|most| count > *most) {
            let unit = if most == 1 { "item" } else { "items" };
            self.push(Sort::TooMany, path, &format!(": {count}: must have at most {most} {unit}"));
        }
    }

    fn wrong_type(&mut self, path: &str, wanted: &str, found: &Value) {
        let why = format!("{path} in body must be of type {wanted}: {found}");
        self.invalid(Sort::TypeInvalid, path, found, &why);
    }

    fn in_body(&mut self, path: &str, value: &Value, why: &str) {
        self.invalid(Sort::Invalid, path, value, &format!("{path} in body {why}"));
    }

    fn nothing(&mut self, path: &str, why: &str) {
        self.invalid(Sort::Invalid, path, &"".into(), &format!("{path:?} {why}"));
    }

    fn invalid(&mut self, sort: Sort, path: &str, value: &Value, why: &str) {
        self.push(sort, path, &format!(": {value}: {why}"));
    }

    fn push(&mut self, sort: Sort, path: &str, rest: &str) {
        let (reason, beginning) = sort.words();
        self.causes.push(Cause {
            reason: reason.to_owned(),
            message: format!("{beginning}{rest}"),
            // Kubernetes has no other word for the root.
            field: if path.is_empty() { "<nil>".to_owned() } else { path.to_owned() },
        });
    }
}

impl Sort {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Required => ("FieldValueRequired", "Required value"),
            Self::Invalid => ("FieldValueInvalid", "Invalid value"),
            Self::TypeInvalid => ("FieldValueTypeInvalid", "Invalid value"),
            Self::NotSupported => ("FieldValueNotSupported", "Unsupported value"),
            Self::Duplicate => ("FieldValueDuplicate", "Duplicate value"),
            Self::TooLong => ("FieldValueTooLong", "Too long"),
            Self::TooMany => ("FieldValueTooMany", "Too many"),
        }
    }
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Any => true,
        Kind::Boolean => value.is_boolean(),
        Kind::Integer => is_whole(value),
        Kind::Number => value.is_number(),
        Kind::String => value.is_string(),
        Kind::Array => value.is_array(),
        Kind::Object => value.is_object(),
        Kind::IntOrString => value.is_string() || is_whole(value),
    }
}

fn is_whole(value: &Value) -> bool {
    value
        .as_number()
        .is_some_and(|number| !number.is_f64() || number.as_f64().is_some_and(|float| float.fract() == 0.0))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
