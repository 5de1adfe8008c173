//! The sections `listen` and `auth` of the settings: their fields, defaults and contradictions.
//!
//! Owns what can be said about them without reading another file. Loading and reloading is `runtime`'s job.

mod auth;
mod listen;

pub use auth::{AuthSettings, KubernetesAuthSettings, Switch, TokenSettings};
pub use listen::{ListenSettings, TlsSettings};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use document::{Document, Limits};
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Sections {
        listen: ListenSettings,
        auth: AuthSettings,
    }

    fn read(text: &str) -> Result<Sections, Vec<String>> {
        let decoded = Document::parse("k.yaml", text, Limits::default()).and_then(|document| document.decode());
        decoded.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(read(""), Ok(Sections::default()));
    }

    #[test]
    fn every_key_is_read() {
        let sections = read(
            "listen: {api: ':0', max_connections: 10, header_timeout: 1s, request_timeout: 10m, idle_timeout: 5s}\n\
             auth: {anonymous_reads: true, tokens: [{name: ci, token: t0ken, scopes: [read, beat], agents: ['edge-*']}],\n  \
             kubernetes: {enabled: false, audiences: [keelwatch], cache: 30s}}",
        )
        .unwrap();
        assert_eq!(sections.listen.request_timeout, Duration::from_mins(10));
        assert_eq!(sections.auth.tokens[0].scopes, [crate::Scope::Read, crate::Scope::Beat]);
        assert_eq!(sections.auth.kubernetes.enabled, Switch::Off);
        assert_eq!(sections.auth.check(&sections.listen), []);
    }

    #[test]
    fn values_out_of_range_and_unknown_keys_are_told_with_their_place() {
        let faults =
            read("listen: {max_connections: 9, header_timeout: 61s}\nauth: {anonymous_read: true}").unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("k.yaml:1:27: listen.max_connections: "), "{faults:?}");
        assert!(faults[1].starts_with("k.yaml:1:46: listen.header_timeout: "), "{faults:?}");
        assert!(faults[2].contains("did you mean anonymous_reads"), "{faults:?}");
    }

    #[test]
    fn a_switch_of_another_word_is_refused_with_what_is_accepted() {
        assert_eq!(read("auth: {kubernetes: {enabled: auto}}"), Ok(Sections::default()));
        let faults = read("auth: {kubernetes: {enabled: 'yes'}}").unwrap_err();
        assert!(faults[0].contains("auto") && faults[0].contains("true"), "{faults:?}");
    }

    #[test]
    fn a_token_is_never_shown() {
        let shown = format!("{:?}", TokenSettings { token: "t0ken".to_owned(), ..TokenSettings::default() });
        assert!(!shown.contains("t0ken"), "{shown}");
    }
}
