//! Which names an object may have.
//!
//! Owns the two rules of RFC 1123 that Kubernetes applies and their wording, and the suffix of generated names.

use serde_json::Value;

use crate::kind::Kind;
use crate::random::Random;
use crate::status::Cause;

/// Characters of generated suffixes: no vowels, nothing that is mistaken for something else.
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;
/// A generated name is cut so that it stays a label.
const LONGEST_BASE: usize = 63 - SUFFIX_LENGTH;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
    and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
    with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// What is wrong with the name of an object of `kind`.
pub(crate) fn check(kind: &Kind, name: &str) -> Option<Cause> {
    if kind.group == "rbac.authorization.k8s.io" {
        return check_path_segment(name);
    }
    let is_label = matches!(kind.plural.as_str(), "namespaces" | "services");
    let (limit, rule, fits) = if is_label { (63, LABEL, label(name)) } else { (253, SUBDOMAIN, subdomain(name)) };
    let why = if name.len() > limit { format!("must be no more than {limit} characters") } else { rule.to_owned() };
    let is_wrong = name.len() > limit || !fits;
    is_wrong.then(|| Cause::invalid("metadata.name", &Value::from(name), &why))
}

fn check_path_segment(name: &str) -> Option<Cause> {
    let wrong = [("/", "may not contain '/'"), ("%", "may not contain '%'")];
    let (_, why) = wrong.into_iter().find(|(part, _)| name.contains(part))?;
    Some(Cause::invalid("metadata.name", &Value::from(name), why))
}

fn label(text: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    alphanumeric(text.bytes().next()) && alphanumeric(text.bytes().last()) && text.bytes().all(inside)
}

fn subdomain(text: &str) -> bool {
    text.split('.').all(label)
}

/// `base` and five characters.
pub(crate) fn generate(base: &str, random: &mut Random) -> String {
    let base = base.get(..LONGEST_BASE).unwrap_or(base);
    let suffix = (0..SUFFIX_LENGTH).map(|_| char::from(SUFFIX[random.below(SUFFIX.len())]));
    base.chars().chain(suffix).collect()
}
