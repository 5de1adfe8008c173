//! The section `auth`.

use std::collections::HashMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ListenSettings;
use crate::Scope;

/// Who may use the API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Whether reads need no credential. Writes always need one.
    pub anonymous_reads: bool,
    /// Tokens that this file knows.
    #[schemars(length(max = 1000))]
    pub tokens: Vec<TokenSettings>,
    /// Tokens of service accounts and users, asked of the cluster.
    pub kubernetes: KubernetesAuthSettings,
}

/// One token and what it may do.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// What the token is called in logs and answers. A client certificate of this common name stands for the token.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// SHA-256 of the token, 64 hex digits: `printf %s "$TOKEN" | sha256sum`.
    pub sha256: String,
    /// The token itself. Give it as `token_file`, a file whose content, one trailing newline off, is the token, or give
    /// `sha256` instead.
    #[schemars(extend("x-secret" = true))]
    pub token: String,
    /// What the token may do. Admin includes write, write includes read; beat stands alone.
    #[schemars(length(min = 1, max = 4))]
    pub scopes: Vec<Scope>,
    /// Ids of the agents that a beat token may speak for, each exact or with one trailing `*`. Empty: every id.
    #[schemars(length(max = 1000))]
    pub agents: Vec<String>,
}

/// Tokens that the cluster's API server knows, by TokenReview and SubjectAccessReview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KubernetesAuthSettings {
    /// `auto` is on with a cluster and off without.
    pub enabled: Switch,
    /// Audiences that a token must be for; empty leaves it to the API server.
    #[schemars(length(max = 16))]
    pub audiences: Vec<String>,
    /// How long a yes is remembered.
    #[serde(with = "document::duration")]
    #[schemars(with = "document::DurationText", extend("x-min" = "0s", "x-max" = "1h"))]
    pub cache: Duration,
}

/// On, off, or on when it can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Switch {
    /// On when what it needs is there.
    #[default]
    Auto,
    /// On; what it needs must be there.
    On,
    /// Off.
    Off,
}

impl Default for KubernetesAuthSettings {
    fn default() -> Self {
        Self { enabled: Switch::Auto, audiences: Vec::new(), cache: Duration::from_mins(1) }
    }
}

impl AuthSettings {
    /// Everything that is wrong beyond types and ranges, as (path within the section, what is wrong). What a token
    /// without a secret is good for depends on `listen`.
    pub fn check(&self, listen: &ListenSettings) -> Vec<(String, String)> {
        let by_certificate = !listen.tls.client_ca_file.is_empty();
        let mut faults = Vec::new();
        for (position, token) in self.tokens.iter().enumerate() {
            let at = |key: &str| format!("tokens[{position}].{key}");
            faults.extend(token.check(by_certificate).into_iter().map(|(key, message)| (at(key), message)));
        }
        faults.extend(self.repeated("name", |token| token.name.clone()));
        faults.extend(self.repeated("sha256", |token| token.sha256.to_ascii_lowercase()));
        faults.extend(self.repeated("token", |token| token.token.clone()));
        faults
    }

    /// Two tokens that cannot be told apart.
    fn repeated(&self, key: &str, value: impl Fn(&TokenSettings) -> String) -> Vec<(String, String)> {
        let mut first_at = HashMap::new();
        let mut faults = Vec::new();
        for (position, token) in self.tokens.iter().enumerate() {
            let value = value(token);
            let first = *first_at.entry(value.clone()).or_insert(position);
            if first != position && !value.is_empty() {
                let message = format!("is the same as auth.tokens[{first}].{key} (accepted: each once)");
                faults.push((format!("tokens[{position}].{key}"), message));
            }
        }
        faults
    }
}

impl std::fmt::Debug for TokenSettings {
    /// Never shows the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, sha256: _, token: _, scopes, agents } = self;
        let mut shown = f.debug_struct("TokenSettings");
        shown.field("name", name).field("scopes", scopes).field("agents", agents).finish_non_exhaustive()
    }
}

impl TokenSettings {
    fn check(&self, by_certificate: bool) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        match (self.sha256.is_empty(), self.token.is_empty()) {
            (false, false) => {
                faults.push(("token", "is given together with sha256 (accepted: one of them)".to_owned()));
            }
            (true, true) if !by_certificate => {
                let message =
                    "is missing (accepted: sha256 or token_file, or listen.tls.client_ca_file for certificates)";
                faults.push(("sha256", message.to_owned()));
            }
            (false, true) if !is_sha256(&self.sha256) => {
                faults.push(("sha256", "is no SHA-256 (accepted: 64 hex digits)".to_owned()));
            }
            (false, true) if self.sha256.eq_ignore_ascii_case(OF_NOTHING) => {
                faults.push(("sha256", "is that of an empty token (accepted: that of a token)".to_owned()));
            }
            (true, _) | (_, true) => {}
        }
        if !self.agents.is_empty() && !self.scopes.contains(&Scope::Beat) {
            faults.push(("agents", "goes with the scope beat only (accepted: scopes: [beat])".to_owned()));
        }
        if let Some(pattern) = self.agents.iter().find(|pattern| !is_pattern(pattern)) {
            faults.push((
                "agents",
                format!("`{pattern}` is no pattern (accepted: an id, or a prefix with one trailing *)"),
            ));
        }
        faults
    }
}

/// The SHA-256 of no bytes: what a shell makes of a variable that is not set.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_pattern(text: &str) -> bool {
    !text.is_empty() && !text.strip_suffix('*').unwrap_or(text).contains('*')
}

impl Serialize for Switch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
        }
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchVisitor)
    }
}

struct SwitchVisitor;

impl serde::de::Visitor<'_> for SwitchVisitor {
    type Value = Switch;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("auto, true or false")
    }

    fn visit_bool<E>(self, on: bool) -> Result<Switch, E> {
        Ok(if on { Switch::On } else { Switch::Off })
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Switch, E> {
        match word {
            "auto" => Ok(Switch::Auto),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }
}

impl JsonSchema for Switch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"enum": ["auto", true, false]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

    fn token(name: &str, sha256: &str) -> TokenSettings {
        let scopes = vec![Scope::Read];
        TokenSettings { name: name.to_owned(), sha256: sha256.to_owned(), scopes, ..TokenSettings::default() }
    }

    #[track_caller]
    fn check(tokens: Vec<TokenSettings>, expected: &[&str]) {
        check_with(&ListenSettings::default(), tokens, expected);
    }

    #[track_caller]
    fn check_with(listen: &ListenSettings, tokens: Vec<TokenSettings>, expected: &[&str]) {
        let faults = AuthSettings { tokens, ..AuthSettings::default() }.check(listen);
        assert_eq!(faults.into_iter().map(|(path, _)| path).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_token_is_a_hash_or_a_file_and_not_both() {
        check(vec![token("a", SHA256)], &[]);
        check(vec![TokenSettings { token: "t0ken".into(), ..token("a", "") }], &[]);
        check(vec![TokenSettings { token: "t0ken".into(), ..token("a", SHA256) }], &["tokens[0].token"]);
        check(vec![token("a", "t0ken")], &["tokens[0].sha256"]);
        check(vec![token("a", "")], &["tokens[0].sha256"]);
        check(vec![token("a", &OF_NOTHING.to_uppercase())], &["tokens[0].sha256"]);
    }

    #[test]
    fn a_token_for_a_client_certificate_needs_no_secret() {
        let mut listen = ListenSettings::default();
        listen.tls.client_ca_file = "ca.pem".to_owned();
        check_with(&listen, vec![token("agent-7", "")], &[]);
    }

    #[test]
    fn two_tokens_of_one_name_or_one_secret_are_refused() {
        let twice = vec![token("a", SHA256), token("a", &SHA256.to_uppercase())];
        check(twice, &["tokens[1].name", "tokens[1].sha256"]);
    }

    #[test]
    fn agents_go_with_beat_and_are_patterns() {
        let beat = |scope, agent: &str| {
            vec![TokenSettings { scopes: vec![scope], agents: vec![agent.to_owned()], ..token("a", SHA256) }]
        };
        check(beat(Scope::Beat, "edge-*"), &[]);
        check(beat(Scope::Read, "edge-*"), &["tokens[0].agents"]);
        check(beat(Scope::Beat, "*-edge"), &["tokens[0].agents"]);
    }

    #[test]
    fn a_switch_is_auto_true_or_false() {
        let read = |text: &str| serde_json::from_str::<Switch>(text).map_err(|error| error.to_string());
        assert_eq!(
            [read("\"auto\""), read("true"), read("false")],
            [Ok(Switch::Auto), Ok(Switch::On), Ok(Switch::Off)]
        );
        assert!(read("\"on\"").unwrap_err().contains("expected auto, true or false"));
        assert_eq!(serde_json::to_string(&[Switch::Auto, Switch::On, Switch::Off]).unwrap(), r#"["auto",true,false]"#);
    }
}
