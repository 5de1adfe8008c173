//! From text to tree.
//!
//! Owns what is refused before any type is known: broken YAML, more than one document, anchors, aliases, tags, keys
//! given twice, and texts beyond the limits.

use std::borrow::Cow;
use std::collections::HashSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::path::{self, Step};
use crate::tree::{Content, Entry, Form, Node, Position, Scalar};
use crate::{Fault, words};

/// How much text is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Mappings and lists within each other.
    pub depth: usize,
}

/// Values in one text. 10,000 rules of 40 values fit; at under 100 bytes each the largest tree takes 50 MB.
const MOST_VALUES: usize = 500_000;

/// Nobody reads more.
const MOST_REFUSALS: usize = 1_000;

const NO_ALIAS: &str = "an alias is not accepted; write the value out";

/// A fault without the name of its file.
struct Refusal {
    at: Position,
    path: String,
    message: String,
}

/// What is being built: the collections that are open, outermost first.
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    values: usize,
    depth: usize,
    refusals: Vec<Refusal>,
}

enum Open {
    Mapping { at: Position, entries: Vec<Entry>, keys: HashSet<Box<str>>, next: Next },
    List { at: Position, items: Vec<Node> },
}

/// What the next value in a mapping is.
enum Next {
    Key,
    ValueOf(Box<str>, Position),
}

/// There is no point in reading on.
struct Stop;

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 20, depth: 32 }
    }
}

/// The tree of `text`, or all that is wrong with it.
pub(crate) fn parse(file: &str, text: &str, limits: Limits) -> Result<Node, Vec<Fault>> {
    let mut builder = Builder { open: Vec::new(), root: None, values: 0, depth: limits.depth, refusals: Vec::new() };
    if text.len() > limits.bytes {
        builder
            .refuse(Position::START, format!("the text has {} bytes (accepted: up to {})", text.len(), limits.bytes));
    } else {
        // Only the way is cut short by `Stop`; what is wrong is in `refusals`.
        let _ = builder.read(&as_yaml(text));
    }
    if builder.refusals.is_empty() {
        return Ok(builder.root.unwrap_or_else(Node::empty));
    }
    let mut faults: Vec<Fault> = builder.refusals.into_iter().map(|refusal| refusal.in_file(file)).collect();
    faults.sort();
    Err(faults)
}

impl Builder {
    fn read(&mut self, text: &str) -> Result<(), Stop> {
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((event, span)) => self.event(event, span)?,
                Err(error) => return self.stop(within(text, position(error.marker())), syntax(&error)),
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event, span: Span) -> Result<(), Stop> {
        let at = position(&span.start);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.stop(at, "a second document begins here (accepted: one)".to_owned())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
            Event::Alias(_) => {
                self.refuse(at, NO_ALIAS.to_owned());
                self.value(Node { at, content: Content::Scalar(Scalar { text: "".into(), form: Form::Plain }) })
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(at, anchor, tag.as_deref());
                let form = if style == ScalarStyle::Plain { Form::Plain } else { Form::Quoted };
                self.value(Node { at, content: Content::Scalar(Scalar { text: text.into(), form }) })
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.as_deref());
                self.begin(Open::List { at, items: Vec::new() }, at)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.as_deref());
                self.begin(Open::Mapping { at, entries: Vec::new(), keys: HashSet::new(), next: Next::Key }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn begin(&mut self, collection: Open, at: Position) -> Result<(), Stop> {
        if let Some(Open::Mapping { next: Next::Key, .. }) = self.open.last() {
            return self.stop(at, "a key must be text, not a mapping or a list".to_owned());
        }
        if self.open.len() >= self.depth {
            return self.stop(at, format!("values lie too deep in each other (accepted: up to {} levels)", self.depth));
        }
        self.open.push(collection);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let node = match self.open.pop() {
            Some(Open::Mapping { at, entries, .. }) => Node { at, content: Content::Mapping(entries) },
            Some(Open::List { at, items }) => Node { at, content: Content::List(items) },
            None => return Ok(()),
        };
        self.value(node)
    }

    fn value(&mut self, node: Node) -> Result<(), Stop> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return self.stop(node.at, format!("the text has too many values (accepted: up to {MOST_VALUES})"));
        }
        match self.open.last_mut() {
            None => self.root = root(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Mapping { next: Next::Key, .. }) => self.key(node),
            Some(Open::Mapping { entries, next, .. }) => {
                if let Next::ValueOf(key, at) = std::mem::replace(next, Next::Key) {
                    entries.push(Entry { key, at, value: placed(node, at) });
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, node: Node) {
        let Content::Scalar(Scalar { text, .. }) = node.content else {
            return;
        };
        let at = node.at;
        let mut repeated = None;
        if let Some(Open::Mapping { keys, next, .. }) = self.open.last_mut() {
            repeated = (!keys.insert(text.clone())).then(|| words::shown(&text));
            *next = Next::ValueOf(text, at);
        }
        if let Some(key) = repeated {
            self.refuse(at, format!("key {key} is given twice (accepted: once)"));
        }
    }

    fn refuse_marks(&mut self, at: Position, anchor: usize, tag: Option<&Tag>) {
        if anchor > 0 {
            self.refuse(at, "an anchor is not accepted; write the value out where it is used".to_owned());
        }
        if tag.is_some() {
            self.refuse(at, "a tag is not accepted".to_owned());
        }
    }

    fn refuse(&mut self, at: Position, message: String) {
        if self.refusals.len() < MOST_REFUSALS {
            let path = self.path();
            self.refusals.push(Refusal { at, path, message });
        }
    }

    fn stop(&mut self, at: Position, message: String) -> Result<(), Stop> {
        self.refuse(at, message);
        Err(Stop)
    }

    /// The path of what is being read.
    fn path(&self) -> String {
        let steps = self.open.iter().filter_map(|open| match open {
            Open::Mapping { next: Next::ValueOf(key, _), .. } => Some(Step::Key(key.to_string())),
            Open::Mapping { next: Next::Key, .. } => None,
            Open::List { items, .. } => Some(Step::Index(items.len())),
        });
        path::render(&steps.collect::<Vec<_>>())
    }
}

impl Refusal {
    fn in_file(self, file: &str) -> Fault {
        let Self { at, path, message } = self;
        Fault { file: file.to_owned(), line: at.line as usize, column: at.column as usize, path, message }
    }
}

/// A text of nothing but comments, or of `null`, is an empty mapping: every key may be left out.
fn root(node: Node) -> Option<Node> {
    let nothing = matches!(&node.content, Content::Scalar(Scalar { text, form: Form::Plain }) if text.is_empty());
    (!nothing).then_some(node)
}

/// A value that is not written has the place of its key; the scanner is already at the next token.
fn placed(mut node: Node, key_at: Position) -> Node {
    if matches!(&node.content, Content::Scalar(Scalar { text, form: Form::Plain }) if text.is_empty()) {
        node.at = key_at;
    }
    node
}

fn counted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn position(marker: &Marker) -> Position {
    Position { line: counted(marker.line().max(1)), column: counted(marker.col()).saturating_add(1) }
}

/// The scanner counts one line too many where a text ends without a line break.
fn within(text: &str, at: Position) -> Position {
    let lines = counted(text.split('\n').count());
    if at.line <= lines {
        return at;
    }
    let last = text.rsplit('\n').next().unwrap_or_default();
    Position { line: lines, column: counted(last.chars().count()).saturating_add(1) }
}

fn syntax(error: &ScanError) -> String {
    if error.info().contains("unknown anchor") {
        return NO_ALIAS.to_owned();
    }
    format!("this is no YAML: {}", error.info())
}

/// JSON writes characters beyond the first plane as two escapes, which YAML does not know: `\ud83d\ude00` becomes
/// `\U0001f600`. Columns that follow on that line shift by two.
fn as_yaml(text: &str) -> Cow<'_, str> {
    let is_flow = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with(['{', '[']);
    if !is_flow || !(text.contains("\\ud") || text.contains("\\uD")) {
        return Cow::Borrowed(text);
    }
    let mut yaml = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(escape) = rest.find('\\') {
        let (before, from_escape) = rest.split_at(escape);
        yaml.push_str(before);
        let (written, length) = if let Some(character) = surrogate_pair(from_escape) {
            (format!("\\U{:08x}", u32::from(character)), 12)
        } else {
            let length = from_escape.chars().take(2).map(char::len_utf8).sum();
            (from_escape[..length].to_owned(), length)
        };
        yaml.push_str(&written);
        rest = &from_escape[length..];
    }
    yaml.push_str(rest);
    Cow::Owned(yaml)
}

/// The character that `\uXXXX\uXXXX` at the start of `text` stands for.
fn surrogate_pair(text: &str) -> Option<char> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    char::decode_utf16([unit(0)?, unit(6)?]).next()?.ok().filter(|character| character.len_utf16() == 2)
}
