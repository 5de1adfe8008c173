//! Writes the new rules file, with a comment at each item that tells where it comes from.

use std::collections::BTreeSet;
use std::fmt::Write;

use api::{Action, Severity};

use super::former::Item;
use super::note::Reason;
use super::room::Room;

/// The file as far as it is written.
#[derive(Debug)]
pub(super) struct Draft {
    file: String,
    room: Room,
    rules: String,
    groups: [Members; 3],
}

/// Items that share one exemption, so that all readable names of a process may be any of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group {
    Processes,
    Commands,
    Namespaces,
}

/// One rule of the new file.
#[derive(Debug)]
pub(super) struct NewRule<'a> {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) origin: &'a Item,
    pub(super) clause: Clause,
    pub(super) enabled: bool,
    pub(super) severity: Severity,
    pub(super) action: Action,
    pub(super) changes: &'a [Reason],
}

/// What a rule looks at.
#[derive(Debug)]
pub(super) enum Clause {
    Process(Text),
    Cmdline(Text),
}

/// What it looks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Text {
    Exact(String),
    ExactAnyCase(String),
    Contains(String),
    Regex(String),
}

#[derive(Debug, Default)]
struct Members {
    texts: BTreeSet<Text>,
    lines: String,
}

/// Longest literal text of a rules file.
const TEXT_BYTES_MAX: usize = 4096;

/// Most texts of one clause.
const TEXTS_MAX: usize = 10_000;

impl Draft {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), room: Room::new(), rules: String::new(), groups: Default::default() }
    }

    /// Adds a rule, if there is room for it.
    pub(super) fn rule(&mut self, rule: &NewRule<'_>) -> Result<(), Reason> {
        self.check(rule.clause.text())?;
        let lines = rule.lines();
        self.room.rule()?;
        self.room.text(lines.len())?;
        self.rules.push_str(&lines);
        Ok(())
    }

    /// Adds an item to the exemption of its group, if there is room for it.
    pub(super) fn exempt(&mut self, group: Group, origin: &Item, text: Text) -> Result<(), Reason> {
        if self.groups[group as usize].texts.contains(&text) {
            return Err(Reason::Duplicate);
        }
        self.check(&text)?;
        let indent = group.indent();
        let written = group.written(&text);
        let line = format!("{indent}# {} {}\n{indent}- {written}\n", origin.path, quoted(&origin.text));
        self.room.text(line.len())?;
        let members = &mut self.groups[group as usize];
        if members.texts.len() == TEXTS_MAX {
            return Err(Reason::TooLarge);
        }
        members.texts.insert(text);
        members.lines.push_str(&line);
        Ok(())
    }

    pub(super) fn finish(self) -> String {
        let Self { file, room: _, rules, groups } = self;
        let mut yaml = format!("# Former rules of ProcScan, taken over from {}.\nversion: 1\n", quoted(&file));
        yaml.push_str(if rules.is_empty() { "rules: []\n" } else { "rules:\n" });
        yaml.push_str(&rules);
        let heads = [Group::Processes, Group::Commands, Group::Namespaces].map(Group::head);
        let written: Vec<_> = heads.into_iter().zip(groups).filter(|(_, members)| !members.texts.is_empty()).collect();
        if !written.is_empty() {
            yaml.push_str("exemptions:\n");
        }
        for (head, members) in written {
            yaml.push_str(head);
            yaml.push_str(&members.lines);
        }
        yaml
    }

    fn check(&mut self, text: &Text) -> Result<(), Reason> {
        match text {
            Text::Exact(text) | Text::ExactAnyCase(text) | Text::Contains(text) => {
                let length = text.len();
                if length == 0 {
                    return Err(Reason::Empty);
                }
                if length > TEXT_BYTES_MAX { Err(Reason::TooLong) } else { Ok(()) }
            }
            Text::Regex(pattern) => self.room.regex(pattern),
        }
    }
}

impl Group {
    /// The lines before the items.
    const fn head(self) -> &'static str {
        match self {
            Self::Processes => concat!(
                "  - reason: Names that the former scanner let pass.\n",
                "    rules: [legacy-keyword-*]\n",
                "    match:\n",
                "      process:\n",
                "        any_of:\n",
            ),
            Self::Commands => concat!(
                "  - reason: Command lines that the former scanner let pass.\n",
                "    rules: [legacy-keyword-*]\n",
                "    match:\n",
                "      cmdline:\n",
                "        any_of:\n",
            ),
            Self::Namespaces => concat!(
                "  - reason: Namespaces that the former scanner let pass.\n",
                "    rules: [legacy-*]\n",
                "    namespaces:\n",
            ),
        }
    }

    const fn indent(self) -> &'static str {
        match self {
            Self::Processes | Self::Commands => "          ",
            Self::Namespaces => "      ",
        }
    }

    fn written(self, text: &Text) -> String {
        match (self, text) {
            (Self::Namespaces, Text::Exact(name)) => quoted(name),
            (Self::Namespaces | Self::Processes | Self::Commands, text) => text.flow(),
        }
    }
}

impl NewRule<'_> {
    fn lines(&self) -> String {
        let Self { id, name, description, origin, clause, enabled, severity, action, changes } = self;
        let mut lines = format!("  # {} {}", origin.path, quoted(&origin.text));
        for (index, change) in changes.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(lines, "{separator}{change}").expect("a string takes any text");
        }
        writeln!(lines, "\n  - id: {id}\n    name: {}", quoted(name)).expect("a string takes any text");
        if !description.is_empty() {
            writeln!(lines, "    description: {}", quoted(description)).expect("a string takes any text");
        }
        if !enabled {
            lines.push_str("    enabled: false\n");
        }
        let field = clause.field();
        let text = clause.text().flow();
        writeln!(
            lines,
            "    match: {{{field}: {text}}}\n    severity: {severity}\n    action: {action}\n    tags: [legacy]"
        )
        .expect("a string takes any text");
        lines
    }
}

impl Clause {
    /// Whether it looks at names, which are few and short, and not at whole command lines.
    pub(super) const fn is_about_names(&self) -> bool {
        match self {
            Self::Process(_) => true,
            Self::Cmdline(_) => false,
        }
    }

    const fn field(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Cmdline(_) => "cmdline",
        }
    }

    const fn text(&self) -> &Text {
        match self {
            Self::Process(text) | Self::Cmdline(text) => text,
        }
    }
}

impl Text {
    fn flow(&self) -> String {
        match self {
            Self::Exact(text) => format!("{{exact: {}}}", quoted(text)),
            Self::ExactAnyCase(text) => format!("{{exact: {}, ignore_case: true}}", quoted(text)),
            Self::Contains(text) => format!("{{contains: {}}}", quoted(text)),
            Self::Regex(text) => format!("{{regex: {}}}", quoted(text)),
        }
    }
}

/// The text in double quotes, on one line, as YAML reads it back.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if c.is_alphanumeric() => quoted.push(c),
            c => write!(quoted, "\\U{:08x}", u32::from(c)).expect("a string takes any text"),
        }
    }
    quoted.push('"');
    quoted
}
