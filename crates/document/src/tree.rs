//! The tree of a text: mappings, lists and scalars, each with its place.
//!
//! Owns finding a value by its path. Building the tree is `parse`'s job, judging it `check`'s.

use crate::path::Step;
use crate::scalar::{self, Meaning};

/// A place in the text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Mapping(Vec<Entry>),
    List(Vec<Node>),
    Scalar(Scalar),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Box<str>,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: Box<str>,
    pub(crate) form: Form,
}

/// How a scalar came to be what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Written without quotes: the core schema says what it stands for.
    Plain,
    /// Written in quotes, or as a block: text.
    Quoted,
    /// Changed after parsing: text, but a number where a number is asked for.
    Expanded,
    /// The content of another file: text.
    Read,
}

/// Where a value of a document comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is written in the text.
    Text,
    /// It was changed after parsing, by a variable in it.
    Variable,
    /// It was read from another file that the text names.
    File,
}

impl Position {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl Node {
    /// An empty mapping, which is what an empty text stands for.
    pub(crate) fn empty() -> Self {
        Self { at: Position::START, content: Content::Mapping(Vec::new()) }
    }

    /// The value at `steps`; else the nearest one around it that exists.
    pub(crate) fn find(&self, steps: &[Step]) -> Result<&Node, &Node> {
        let Some((step, rest)) = steps.split_first() else {
            return Ok(self);
        };
        match self.child(step) {
            Some(child) => child.find(rest),
            None => Err(self),
        }
    }

    fn child(&self, step: &Step) -> Option<&Node> {
        match (&self.content, step) {
            (Content::Mapping(entries), Step::Key(key)) => {
                entries.iter().find(|entry| *entry.key == **key).map(|entry| &entry.value)
            }
            (Content::List(items), Step::Index(index)) => items.get(*index),
            (Content::Mapping(_) | Content::List(_) | Content::Scalar(_), Step::Key(_) | Step::Index(_)) => None,
        }
    }

    /// Puts `text` at these keys, as a variable does: mappings are made on the way, what stood there before is gone. Whatever
    /// is no mapping on the way is replaced by one.
    pub(crate) fn put(&mut self, keys: &[&str], text: &str) {
        let Some((key, rest)) = keys.split_first() else {
            self.content = Content::Scalar(Scalar { text: text.into(), form: Form::Expanded });
            return;
        };
        if !matches!(self.content, Content::Mapping(_)) {
            self.content = Content::Mapping(Vec::new());
        }
        let Content::Mapping(entries) = &mut self.content else { return };
        let known = entries.iter().position(|entry| *entry.key == **key);
        let index = known.unwrap_or_else(|| {
            entries.push(Entry { key: (*key).into(), at: self.at, value: Self { at: self.at, ..Self::empty() } });
            entries.len() - 1
        });
        entries[index].value.put(rest, text);
    }

    /// Takes away the value at these keys, if there is one.
    pub(crate) fn take(&mut self, keys: &[&str]) {
        let (Some((key, rest)), Content::Mapping(entries)) = (keys.split_first(), &mut self.content) else { return };
        if rest.is_empty() {
            entries.retain(|entry| *entry.key != **key);
        } else if let Some(entry) = entries.iter_mut().find(|entry| *entry.key == **key) {
            entry.value.take(rest);
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        let Content::Scalar(scalar) = &self.content else {
            return Origin::Text;
        };
        match scalar.form {
            Form::Plain | Form::Quoted => Origin::Text,
            Form::Expanded => Origin::Variable,
            Form::Read => Origin::File,
        }
    }
}

impl Scalar {
    pub(crate) fn meaning(&self) -> Meaning {
        match self.form {
            Form::Plain => scalar::resolve(&self.text),
            Form::Quoted | Form::Expanded | Form::Read => Meaning::Text,
        }
    }
}
