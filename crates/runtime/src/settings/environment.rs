//! Variables in settings: `${NAME}`, `${NAME:-default}`, and `$$` for a dollar.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What the environment says: the variables that settings may name, and values that come before those of the file. Clones
/// share them.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Arc<BTreeMap<String, String>>,
    values: Vec<(&'static str, String)>,
}

impl Environment {
    /// Has `value` come before what the file says at `path`, keys with dots between, now and after every reload.
    #[must_use]
    pub fn with(mut self, path: &'static str, value: String) -> Self {
        self.values.push((path, value));
        self
    }

    /// The value of a variable, if it is set to anything.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What comes before the values of the file, by path.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(path, value)| (*path, value.as_str()))
    }

    /// `text` with its variables replaced; a variable that is not set is told by name.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            expanded.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            rest = if let Some(after) = after.strip_prefix('$') {
                expanded.push('$');
                after
            } else if let Some(after) = after.strip_prefix('{') {
                let (variable, after) = after.split_once('}').ok_or(UNCLOSED)?;
                expanded.push_str(&self.value(variable)?);
                after
            } else {
                // The end of a pattern, for instance.
                expanded.push('$');
                after
            };
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn value(&self, variable: &str) -> Result<String, String> {
        let (name, default) =
            variable.split_once(":-").map_or((variable, None), |(name, default)| (name, Some(default)));
        if !is_name(name) {
            return Err("names no variable (accepted: ${NAME} or ${NAME:-default}; $$ is a dollar)".to_owned());
        }
        // As in a shell, `:-` also stands in for a variable that is empty.
        match (self.variables.get(name), default) {
            (Some(value), None) => Ok(value.clone()),
            (Some(value), Some(_)) if !value.is_empty() => Ok(value.clone()),
            (Some(_) | None, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err(format!("variable {name} is not set (accepted: set it, or ${{{name}:-default}})")),
        }
    }
}

const UNCLOSED: &str = "${ is not closed by } (accepted: ${NAME} or ${NAME:-default}; $$ is a dollar)";

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { variables: Arc::new(variables.into_iter().collect()), values: Vec::new() }
    }
}

impl fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts_well && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        [("A", "x"), ("EMPTY", ""), ("DOLLAR", "${A}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    #[test]
    fn variables_and_defaults_are_replaced_once() {
        let expanded = |text| environment().expand(text).unwrap();
        let texts = [
            "<${A}>${A}",
            "${NO:-d e}",
            "${EMPTY:-d}",
            "<${EMPTY}>",
            "${DOLLAR}",
            "$${A}",
            "^a$",
            "$A",
            "${NO:-}",
            "$$$$",
        ];
        assert_eq!(texts.map(expanded), ["<x>x", "d e", "d", "<>", "${A}", "${A}", "^a$", "$A", "", "$$"]);
    }

    #[test]
    fn what_cannot_be_replaced_is_told() {
        let error = |text| environment().expand(text).unwrap_err();
        assert_eq!(error("${NO}"), "variable NO is not set (accepted: set it, or ${NO:-default})");
        assert_eq!(error("${A"), UNCLOSED);
        for text in ["${}", "${1}", "${a b}", "${A:=x}"] {
            assert!(error(text).starts_with("names no variable"), "{text}");
        }
    }

    #[test]
    fn no_value_is_shown_by_debug() {
        assert_eq!(format!("{:?}", environment()), r#"{"A", "DOLLAR", "EMPTY"}"#);
    }
}
