//! What can be wrong with the section beyond types and ranges.

use super::{NamespaceLabelSettings, NotificationSettings, Settings, Texts, WasmPluginSettings, texts};
use crate::notify;
use crate::template::Template;

type Faults = Vec<(String, String)>;

/// Longest body that visitors of a blocked app are answered with.
const BODY_BYTES: usize = 2 << 10;

impl Settings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong).
    pub fn check(&self) -> Vec<(String, String)> {
        let Self {
            every: _,
            dry_run: _,
            protected_namespaces,
            hold: _,
            confirmations: _,
            wasm_plugin,
            notification,
            namespace_label,
            notifiers,
        } = self;
        let mut faults = Faults::new();
        for (position, pattern) in protected_namespaces.iter().enumerate() {
            if !is_namespace(pattern.strip_suffix('*').unwrap_or(pattern), pattern.ends_with('*')) {
                let message = "is no namespace (accepted: such as billing, or team-* for all that begin so)";
                faults.push((format!("protected_namespaces[{position}]"), message.to_owned()));
            }
        }
        faults.extend(within("wasm_plugin", wasm_plugin.check()));
        faults.extend(within("notification", notification.check()));
        faults.extend(within("namespace_label", namespace_label.check()));
        faults.extend(notify::settings::check(notifiers));
        faults
    }
}

impl WasmPluginSettings {
    fn check(&self) -> Faults {
        const SCHEMES: [&str; 4] = ["oci://", "http://", "https://", "file://"];
        let mut faults = Faults::new();
        let mut fault = |path: String, message: &str| faults.push((path, message.to_owned()));
        let has_scheme = SCHEMES.iter().any(|scheme| self.url.len() > scheme.len() && self.url.starts_with(scheme));
        if self.url.is_empty() && self.enabled {
            fault(
                "url".to_owned(),
                "is missing while enabled is true (accepted: oci://, http://, https:// or file://)",
            );
        } else if !self.url.is_empty() && !has_scheme {
            fault("url".to_owned(), "is no address of a plugin (accepted: oci://, http://, https:// or file://)");
        }
        for (position, header) in self.headers.iter().enumerate() {
            let named = header.split_once('=').is_some_and(|(name, value)| is_token(name) && !has_controls(value));
            if !named {
                let message = "is no header (accepted: name=value, such as Content-Type=text/plain)";
                fault(format!("headers[{position}]"), message);
            }
        }
        if self.body.len() > BODY_BYTES {
            fault("body".to_owned(), "has more than 2 KiB (accepted: up to 2 KiB)");
        }
        faults
    }
}

impl NotificationSettings {
    fn check(&self) -> Faults {
        let texts = [("title", &self.title), ("message", &self.message)];
        let mut faults: Faults = texts.into_iter().flat_map(|(key, texts)| within(key, texts.check())).collect();
        for (key, texts) in [("title", &self.title), ("message", &self.message)] {
            if texts.of(self.language).iter().any(|text| text.trim().is_empty()) {
                let message = "has no text in the language that notification.language asks for (accepted: give it)";
                faults.push((key.to_owned(), message.to_owned()));
            }
        }
        faults
    }
}

impl Texts {
    fn check(&self) -> Faults {
        let texts = [("en", &self.en), ("zh", &self.zh)].into_iter();
        let read = |text: &str| Template::parse(text, texts::VARIABLES).err();
        texts.filter_map(|(key, text)| Some((key.to_owned(), read(text)?.to_string()))).collect()
    }
}

impl NamespaceLabelSettings {
    fn check(&self) -> Faults {
        const LABELS: usize = 8;
        let mut faults = Faults::new();
        if self.labels.is_empty() || self.labels.len() > LABELS {
            faults.push(("labels".to_owned(), format!("has {} labels (accepted: 1 to {LABELS})", self.labels.len())));
        }
        for (key, value) in &self.labels {
            let path = format!("labels.{key}");
            if key == "kubernetes.io/metadata.name" {
                faults.push((path, "belongs to Kubernetes (accepted: any other label)".to_owned()));
            } else if !is_label_key(key) {
                faults.push((path, "is no key of a label (accepted: such as app, or example.com/app)".to_owned()));
            } else if !is_label_value(value) {
                let accepted = "up to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";
                faults.push((path, format!("is no value of a label (accepted: {accepted})")));
            }
        }
        faults
    }
}

fn within(section: &'static str, faults: Faults) -> impl Iterator<Item = (String, String)> {
    faults.into_iter().map(move |(key, message)| (format!("{section}.{key}"), message))
}

/// A name of a namespace, or the beginning of some.
fn is_namespace(text: &str, is_beginning: bool) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| inner(byte) && byte != b'-');
    let is_whole = is_beginning || ends(text.bytes().last());
    let is_empty_beginning = is_beginning && text.is_empty();
    text.len() <= 63 && text.bytes().all(inner) && (is_empty_beginning || ends(text.bytes().next()) && is_whole)
}

/// A name of a header (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_inner)
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_domain = |prefix: &str| {
        let part = |part: &str| is_namespace(part, false);
        prefix.len() <= 253 && prefix.split('.').all(part)
    };
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_domain)
}

fn is_label_value(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= 63 && text.bytes().all(inner) && ends.into_iter().flatten().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
