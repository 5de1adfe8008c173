//! Contradictions in a list of notifiers.

use std::collections::HashMap;

use crate::notify::settings::{NotifierKind, NotifierSettings};
use crate::notify::template;

/// Labels that alerts have anyway.
const OWN_LABELS: [&str; 10] =
    ["alertname", "source", "rule", "severity", "namespace", "app", "kind", "name", "fingerprint", "cluster"];

/// More would make each alert longer than what it tells.
const LABELS: usize = 32;

/// Everything that is wrong with a list of notifiers beyond types and ranges, as (path within the section, what is wrong).
pub(crate) fn check(notifiers: &[NotifierSettings]) -> Vec<(String, String)> {
    let mut first_of = HashMap::new();
    let mut faults = Vec::new();
    for (position, notifier) in notifiers.iter().enumerate() {
        let at = |key: &str| format!("notifiers[{position}].{key}");
        let first = *first_of.entry(notifier.name.as_str()).or_insert(position);
        if first != position {
            let message = format!("is the name of responses.notifiers[{first}] (accepted: each once)");
            faults.push((at("name"), message));
        }
        faults.extend(one(notifier).into_iter().map(|(key, message)| (at(&key), message)));
    }
    faults
}

fn one(notifier: &NotifierSettings) -> Vec<(String, String)> {
    let mut faults = foreign(notifier);
    faults.extend(required(notifier));
    faults.extend(patterns(notifier));
    faults.extend(pairs(notifier));
    faults.extend(labels(notifier));
    let fits = |kind: NotifierKind| notifier.kind == kind;
    if (fits(NotifierKind::Lark) || fits(NotifierKind::Webhook)) && !notifier.url.is_empty() {
        faults.extend(address(&notifier.url).err().map(|why| ("url".to_owned(), why)));
    }
    if !notifier.proxy.is_empty() {
        faults.extend(address(&notifier.proxy).err().map(|why| ("proxy".to_owned(), why)));
    }
    for (position, url) in notifier.urls.iter().enumerate() {
        faults.extend(address(url).err().map(|why| (format!("urls[{position}]"), why)));
    }
    if fits(NotifierKind::Webhook) && !notifier.template.is_empty() {
        let fault = template::Template::checked(&notifier.template).err();
        faults.extend(fault.map(|why| ("template".to_owned(), why.to_string())));
    }
    faults
}

/// Keys that belong to other types: ignored, they would be believed to work.
fn foreign(notifier: &NotifierSettings) -> Vec<(String, String)> {
    use NotifierKind::{Alertmanager, Lark, Webhook};
    let given = |text: &str| !text.is_empty();
    let keys: [(&str, bool, &[NotifierKind]); 11] = [
        ("ca_file", given(&notifier.ca_file), &[Lark, Webhook, Alertmanager]),
        ("basic_auth_file", given(&notifier.basic_auth_file), &[Webhook, Alertmanager]),
        ("proxy", given(&notifier.proxy), &[Lark, Webhook, Alertmanager]),
        ("labels", !notifier.labels.is_empty(), &[Alertmanager]),
        ("url", given(&notifier.url), &[Lark, Webhook]),
        ("url_file", given(&notifier.url_file), &[Lark, Webhook]),
        ("secret_file", given(&notifier.secret_file), &[Lark, Webhook]),
        ("token_file", given(&notifier.token_file), &[Webhook, Alertmanager]),
        ("region", given(&notifier.region), &[Lark]),
        ("urls", !notifier.urls.is_empty(), &[Alertmanager]),
        ("template", given(&notifier.template), &[Webhook]),
    ];
    let wrong = keys.iter().filter(|(_, is_given, kinds)| *is_given && !kinds.contains(&notifier.kind));
    let told = wrong.map(|(key, _, kinds)| {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let message = format!("is not for type {} (accepted: with {})", notifier.kind.as_str(), kinds.join(", "));
        ((*key).to_owned(), message)
    });
    told.collect()
}

/// A notifier that is off may be unfinished.
fn required(notifier: &NotifierSettings) -> Option<(String, String)> {
    let has_address = !notifier.url.is_empty() || !notifier.url_file.is_empty();
    let missing = match notifier.kind {
        NotifierKind::Lark | NotifierKind::Webhook if !has_address => ("url", "url or url_file"),
        NotifierKind::Alertmanager if notifier.urls.is_empty() => ("urls", "1 to 8 addresses"),
        _ => return None,
    };
    let (key, accepted) = missing;
    notifier.enabled.then(|| (key.to_owned(), format!("is missing in an enabled notifier (accepted: {accepted})")))
}

fn patterns(notifier: &NotifierSettings) -> Vec<(String, String)> {
    let is_pattern = |text: &str| !text.is_empty() && !text.strip_suffix('*').unwrap_or(text).contains('*');
    let wrong = notifier.namespaces.iter().enumerate().filter(|(_, pattern)| !is_pattern(pattern));
    let told = wrong.map(|(position, pattern)| {
        let message = format!("`{pattern}` is no pattern (accepted: a namespace, or a prefix with one trailing *)");
        (format!("namespaces[{position}]"), message)
    });
    told.collect()
}

/// Two keys of which one at most is used.
fn pairs(notifier: &NotifierSettings) -> Vec<(String, String)> {
    let NotifierSettings { url, url_file, token_file, basic_auth_file, .. } = notifier;
    let pairs = [("url", url, "url_file", url_file), ("basic_auth_file", basic_auth_file, "token_file", token_file)];
    let both = pairs.iter().filter(|(_, one, _, other)| !one.is_empty() && !other.is_empty());
    let told = both.map(|(one, _, other, _)| {
        ((*other).to_owned(), format!("is given together with {one} (accepted: one of them)"))
    });
    told.collect()
}

fn labels(notifier: &NotifierSettings) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    if notifier.labels.len() > LABELS {
        faults.push(("labels".to_owned(), format!("has {} labels (accepted: {LABELS})", notifier.labels.len())));
    }
    for name in notifier.labels.keys() {
        let mut characters = name.chars();
        let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if !begins || !characters.all(|next| next.is_ascii_alphanumeric() || next == '_') {
            let message = format!("`{name}` is no name of a label (accepted: letters, digits and _, no digit first)");
            faults.push(("labels".to_owned(), message));
        } else if OWN_LABELS.contains(&name.as_str()) {
            let message = format!("`{name}` is a label that every alert has (accepted: other names)");
            faults.push(("labels".to_owned(), message));
        }
    }
    faults
}

/// Why a text is no address of a receiver. Does not repeat the text, which may hold a secret.
fn address(text: &str) -> Result<(), String> {
    const ACCEPTED: &str = "accepted: http:// or https://, a host, and a port and a path if needed";
    let uri: http::Uri = text.parse().map_err(|_| format!("is no address ({ACCEPTED})"))?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    let Some(authority) = authority.filter(|_| matches!(uri.scheme_str(), Some("http" | "https"))) else {
        return Err(format!("is no address of a receiver ({ACCEPTED})"));
    };
    if authority.as_str().contains('@') {
        return Err("holds a user (accepted: an address without one, and basic_auth_file)".to_owned());
    }
    Ok(())
}
