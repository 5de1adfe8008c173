//! Which objects a list or a watch is about.
//!
//! Owns the two grammars of selectors and their judgement. What fields can be selected, the kind says.

use crate::kind::Kind;
use crate::status::Status;
use crate::store::Entry;

/// A namespace or all, and what objects in it must fulfil.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub(crate) namespace: Option<Box<str>>,
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: Box<str>,
    test: Test,
}

/// What a label must be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<Box<str>>),
    /// Absent fulfils it.
    NotIn(Vec<Box<str>>),
    Present,
    Absent,
    Above(i64),
    Below(i64),
}

#[derive(Debug, Clone)]
struct FieldTerm {
    field: Field,
    value: Box<str>,
    wanted: Wanted,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Name,
    Namespace,
    Nth(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Equal,
    Different,
}

impl Selection {
    /// What the two selectors of a request select of `kind`.
    pub(crate) fn parse(kind: &Kind, namespace: Option<&str>, labels: &str, fields: &str) -> Result<Self, Status> {
        let labels =
            parse_labels(labels).map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
        Ok(Self { namespace: namespace.map(Into::into), labels, fields: parse_fields(kind, fields)? })
    }

    /// The selection by labels that a selector of an object makes: `matchLabels` or a plain map.
    pub(crate) fn of_labels<'a>(namespace: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let equal = |(key, value): (&str, &str)| Requirement { key: key.into(), test: Test::In(vec![value.into()]) };
        Self { namespace: Some(namespace.into()), labels: labels.map(equal).collect(), fields: Vec::new() }
    }

    pub(crate) fn has_selectors(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    pub(crate) fn admits(&self, entry: &Entry) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| **namespace == *entry.key.namespace)
            && self.fields.iter().all(|term| term.admits(entry))
            && self.labels.iter().all(|requirement| requirement.admits(entry))
    }
}

impl FieldTerm {
    fn admits(&self, entry: &Entry) -> bool {
        let value = match self.field {
            Field::Name => &*entry.key.name,
            Field::Namespace => &*entry.key.namespace,
            Field::Nth(nth) => entry.field(nth),
        };
        (*value == *self.value) == (self.wanted == Wanted::Equal)
    }
}

impl Requirement {
    fn admits(&self, entry: &Entry) -> bool {
        let value = entry.labels.value_of(&self.key);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.iter().any(|one| **one == *value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.iter().any(|one| **one == *value)),
            Test::Present => value.is_some(),
            Test::Absent => value.is_none(),
            Test::Above(bound) => number().is_some_and(|number| number > *bound),
            Test::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn parse_fields(kind: &Kind, text: &str) -> Result<Vec<FieldTerm>, Status> {
    let terms = text.split(',').map(str::trim).filter(|term| !term.is_empty());
    terms.map(|term| parse_field(kind, term)).collect()
}

fn parse_field(kind: &Kind, term: &str) -> Result<FieldTerm, Status> {
    let operators = [("!=", Wanted::Different), ("==", Wanted::Equal), ("=", Wanted::Equal)];
    let split = operators.into_iter().find_map(|(operator, wanted)| {
        let (path, value) = term.split_once(operator)?;
        Some((path.trim(), value.trim(), wanted))
    });
    let Some((path, value, wanted)) = split else {
        let message = format!("invalid selector: '{term}'; can't understand '{term}'");
        return Err(Status::bad_request(message));
    };
    let field = match path {
        "metadata.name" => Some(Field::Name),
        "metadata.namespace" if kind.is_namespaced() => Some(Field::Namespace),
        // The newer group of events renamed the field.
        "regarding.kind" | "regarding.name" | "regarding.namespace" | "regarding.uid" => {
            nth(kind, &path.replace("regarding", "involvedObject"))
        }
        "name" if kind.plural == "namespaces" => Some(Field::Name),
        other => nth(kind, other),
    };
    let field = field.ok_or_else(|| Status::bad_request(format!("field label not supported: {path}")))?;
    Ok(FieldTerm { field, value: value.into(), wanted })
}

fn nth(kind: &Kind, path: &str) -> Option<Field> {
    let same = |candidate: &String| candidate.trim_start_matches('.') == path;
    kind.selectable.iter().position(same).map(Field::Nth)
}

/// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut requirements = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (term, after) = next_term(rest)?;
        requirements.push(parse_requirement(term)?);
        rest = after.trim_start();
    }
    Ok(requirements)
}

/// Splits at the first comma that lies outside parentheses.
fn next_term(text: &str) -> Result<(&str, &str), String> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("found ')', expected: identifier, or ','".to_owned())?,
            ',' if depth == 0 => {
                let (term, rest) = (&text[..at], &text[at + 1..]);
                let dangling = rest.trim().is_empty();
                return if dangling {
                    Err("found '', expected: identifier after ','".to_owned())
                } else {
                    Ok((term, rest))
                };
            }
            _ => {}
        }
    }
    if depth > 0 { Err("found '', expected: ',' or ')'".to_owned()) } else { Ok((text, "")) }
}

fn parse_requirement(term: &str) -> Result<Requirement, String> {
    let term = term.trim();
    if let Some(key) = term.strip_prefix('!').filter(|key| !key.contains('=')) {
        return requirement(key, Test::Absent);
    }
    for (operator, is_in) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = term.split_once(operator) {
            let values = vec![checked_value(value)?];
            return requirement(key, if is_in { Test::In(values) } else { Test::NotIn(values) });
        }
    }
    if let Some((key, bound)) = term.split_once('>') {
        return requirement(key, Test::Above(number(bound)?));
    }
    if let Some((key, bound)) = term.split_once('<') {
        return requirement(key, Test::Below(number(bound)?));
    }
    let Some((key, rest)) = term.split_once(char::is_whitespace) else {
        return requirement(term, Test::Present);
    };
    let rest = rest.trim();
    let (operator, list) = rest
        .split_once(|character: char| character == '(' || character.is_whitespace())
        .map_or((rest, ""), |(operator, _)| (operator, rest[operator.len()..].trim()));
    let test = match operator {
        "in" => Test::In(values(list)?),
        "notin" => Test::NotIn(values(list)?),
        other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
    };
    requirement(key, test)
}

fn values(list: &str) -> Result<Vec<Box<str>>, String> {
    let inner = list.strip_prefix('(').and_then(|list| list.strip_suffix(')'));
    let inner = inner.ok_or_else(|| format!("found '{list}', expected: '('"))?;
    inner.split(',').map(checked_value).collect()
}

fn number(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| {
        format!(
            "values[0][]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the value must be an integer",
            text.trim()
        )
    })
}

fn requirement(key: &str, test: Test) -> Result<Requirement, String> {
    let key = key.trim();
    let name = key.rsplit('/').next().unwrap_or(key);
    if !is_word(name) || key.is_empty() {
        return Err(format!("found '{key}', expected: !, identifier, or 'end of string'"));
    }
    Ok(Requirement { key: key.into(), test })
}

fn checked_value(value: &str) -> Result<Box<str>, String> {
    let value = value.trim();
    if value.is_empty() || is_word(value) {
        return Ok(value.into());
    }
    Err(format!(
        "values[0][]: Invalid value: \"{value}\": a valid label must be an empty string or consist of alphanumeric characters, \
         '-', '_' or '.', and must start and end with an alphanumeric character"
    ))
}

/// Letters, digits, `-`, `_`, `.`, with a letter or digit at both ends, at most 63.
pub(crate) fn is_word(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 63 && edge(text.bytes().next()) && edge(text.bytes().last()) && text.bytes().all(inside)
}
