//! Label selectors in the syntax of Kubernetes: `app=cart,tier in (web, api),!canary`.
//!
//! Owns the language and its errors, which name the position.

use std::fmt;

/// Requirements that must all hold; none selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    /// Holds too where there is no such label.
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at position {position}: {wrong}")]
pub(crate) struct SelectorError {
    /// Counted in characters from 1.
    position: usize,
    wrong: String,
}

impl Selector {
    /// Reads a selector; an empty text selects everything.
    pub(crate) fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut reader = Reader { text, at: 0 };
        let mut requirements = Vec::new();
        reader.skip_spaces();
        if reader.is_at_end() {
            return Ok(Self::default());
        }
        loop {
            requirements.push(reader.requirement()?);
            reader.skip_spaces();
            if reader.is_at_end() {
                return Ok(Self(requirements));
            }
            if !reader.take(",") {
                return Err(reader.unexpected("a comma, or the end"));
            }
        }
    }

    /// Whether labels satisfy it; `label` has the value of a label, if there is one.
    pub(crate) fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|Requirement { key, operator }| operator.holds(label(key)))
    }
}

impl Operator {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::In(values) => value.is_some_and(|value| values.iter().any(|known| known == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|known| known != value)),
            Self::Greater(limit) => number().is_some_and(|number| number > *limit),
            Self::Less(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Reader<'a> {
    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        self.skip_spaces();
        let is_missing = self.take("!");
        let key = self.key()?;
        if is_missing {
            return Ok(Requirement { key, operator: Operator::Missing });
        }
        self.skip_spaces();
        let operator = if self.take("==") || self.take("=") {
            Operator::In(vec![self.value()?])
        } else if self.take("!=") {
            Operator::NotIn(vec![self.value()?])
        } else if self.take(">") {
            Operator::Greater(self.number()?)
        } else if self.take("<") {
            Operator::Less(self.number()?)
        } else {
            let before = self.at;
            match self.word() {
                "in" => Operator::In(self.values()?),
                "notin" => Operator::NotIn(self.values()?),
                "" => Operator::Exists,
                _ => {
                    self.at = before;
                    return Err(self.unexpected("one of = == != > < in notin, a comma, or the end"));
                }
            }
        };
        Ok(Requirement { key, operator })
    }

    fn key(&mut self) -> Result<String, SelectorError> {
        self.skip_spaces();
        let start = self.at;
        let key = self.word();
        if key.is_empty() {
            return Err(self.unexpected("the key of a label"));
        }
        let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        let is_prefix = |prefix: &str| !prefix.is_empty() && prefix.len() <= 253 && !prefix.contains(['/', '_']);
        if prefix.is_some_and(|prefix| !is_prefix(prefix)) || !is_label(name) || name.is_empty() {
            return Err(
                self.error(start, format!("`{key}` is no key of a label (accepted: such as app, or example.com/app)"))
            );
        }
        Ok(key.to_owned())
    }

    /// May be empty.
    fn value(&mut self) -> Result<String, SelectorError> {
        self.skip_spaces();
        let start = self.at;
        let value = self.word();
        if !is_label(value) {
            let accepted =
                "accepted: up to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";
            return Err(self.error(start, format!("`{value}` is no value of a label ({accepted})")));
        }
        Ok(value.to_owned())
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        self.skip_spaces();
        let start = self.at;
        let word = self.word();
        word.parse().map_err(|_| self.error(start, format!("`{word}` is no whole number")))
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        self.skip_spaces();
        if !self.take("(") {
            return Err(self.unexpected("an opening parenthesis"));
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            self.skip_spaces();
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err(self.unexpected("a comma or a closing parenthesis"));
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '!' | '<' | '>' | '(' | ')' | ',');
        let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn take(&mut self, token: &str) -> bool {
        let has = self.text[self.at..].starts_with(token);
        if has {
            self.at += token.len();
        }
        has
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn unexpected(&self, accepted: &str) -> SelectorError {
        let found = match self.text[self.at..].chars().next() {
            Some(found) => format!("`{}`", found.escape_debug()),
            None => "the end".to_owned(),
        };
        self.error(self.at, format!("{found} is not expected here (accepted: {accepted})"))
    }

    fn error(&self, at: usize, wrong: impl fmt::Display) -> SelectorError {
        SelectorError { position: self.text[..at].chars().count() + 1, wrong: wrong.to_string() }
    }
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= 63 && text.bytes().all(inner) && ends.into_iter().flatten().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [(&str, &str); 4] = [("app", "cart"), ("tier", "web"), ("example.com/rank", "7"), ("empty", "")];

    #[track_caller]
    fn selects(text: &str, expected: bool) {
        let label = |key: &str| LABELS.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
        assert_eq!(Selector::parse(text).unwrap().matches(label), expected, "{text}");
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(Selector::parse(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn every_requirement_must_hold() {
        for text in ["", " ", "app=cart", "app == cart , tier=web", "app in (x, cart)", "app", "!canary", "empty="] {
            selects(text, true);
        }
        for text in ["app=x", "app=cart,tier=x", "app in (x)", "app notin (cart)", "canary", "!app", "app!=cart"] {
            selects(text, false);
        }
    }

    #[test]
    fn a_missing_label_is_not_in_any_set() {
        for text in ["canary!=yes", "canary notin (yes)"] {
            selects(text, true);
        }
        for text in ["canary=", "canary in ()", "canary > 1"] {
            selects(text, false);
        }
    }

    #[test]
    fn numbers_are_compared() {
        selects("example.com/rank > 6,example.com/rank<8", true);
        selects("example.com/rank > 7", false);
        selects("app > 1", false);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_position() {
        refused("a in (", "at position 7: the end is not expected here (accepted: a comma or a closing parenthesis)");
        refused("app=cart tier", "at position 10: `t` is not expected here (accepted: a comma, or the end)");
        refused("a,", "at position 3: the end is not expected here (accepted: the key of a label)");
        refused(
            "a b",
            "at position 3: `b` is not expected here (accepted: one of = == != > < in notin, a comma, or the end)",
        );
        refused("a > x", "at position 5: `x` is no whole number");
        refused("-a", "at position 1: `-a` is no key of a label (accepted: such as app, or example.com/app)");
        let accepted = "accepted: up to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";
        refused("a=ü", &format!("at position 3: `ü` is no value of a label ({accepted})"));
    }
}
