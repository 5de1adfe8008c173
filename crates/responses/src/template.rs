//! Texts with variables: `Forbidden processes in {{namespace}}`.
//!
//! Owns the language: a name between double braces stands for its value, and nothing else is special. Which variables there
//! are is said by those who fill them.

use std::fmt;

/// A text that was read. It names known variables only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(&'static str),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// Braces that are opened and never closed.
    Unclosed,
    /// A name that nothing stands for, and those that something does.
    Unknown(String, &'static [&'static str]),
}

impl Template {
    /// Reads a text that may name these variables.
    pub(crate) fn parse(text: &str, variables: &'static [&'static str]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            let name = name.trim();
            let known = variables.iter().find(|known| **known == name);
            let known = known.ok_or_else(|| TemplateError::Unknown(name.to_owned(), variables))?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Variable(known)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The text with every variable replaced by what `value` says.
    pub(crate) fn fill<'a>(&self, value: impl Fn(&'static str) -> &'a str) -> String {
        let piece = |text: String, piece: &Piece| match piece {
            Piece::Text(more) => text + more,
            Piece::Variable(name) => text + value(name),
        };
        self.0.iter().fold(String::new(), piece)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => f.write_str("has `{{` without `}}` (accepted: such as {{namespace}})"),
            Self::Unknown(name, accepted) => {
                write!(f, "names the unknown variable `{}` (accepted: {})", name.escape_debug(), accepted.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: &[&str] = &["namespace", "count"];

    #[test]
    fn variables_are_replaced_and_what_they_hold_is_not_read_again() {
        let template = Template::parse("{{ count }} in {{namespace}}: { }} }", VARIABLES).unwrap();
        let filled = template.fill(|name| if name == "count" { "3" } else { "{{count}}" });
        assert_eq!(filled, "3 in {{count}}: { }} }");
    }

    #[test]
    fn an_unknown_variable_is_named_with_those_that_there_are() {
        let told = |text| Template::parse(text, VARIABLES).unwrap_err().to_string();
        assert_eq!(told("{{pod}}"), "names the unknown variable `pod` (accepted: namespace, count)");
        assert_eq!(told("a {{count"), "has `{{` without `}}` (accepted: such as {{namespace}})");
    }
}
