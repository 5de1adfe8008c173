//! The tokens that the settings know, as hashes.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Scope;
use crate::settings::{AuthSettings, TokenSettings};

type Hash = [u8; 32];

/// Every static token.
#[derive(Debug, Default)]
pub(super) struct Tokens(Vec<Token>);

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) name: String,
    hash: Option<Hash>,
    scopes: Vec<Scope>,
    agents: Vec<String>,
}

impl Tokens {
    /// The tokens of `settings`.
    pub(super) fn of(settings: &AuthSettings) -> Self {
        Self(settings.tokens.iter().map(Token::of).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token whose secret is `secret`. Takes as long for every secret: all hashes are compared, each in constant
    /// time.
    pub(super) fn by_secret(&self, secret: &[u8]) -> Option<&Token> {
        let hash: Hash = Sha256::digest(secret).into();
        let mut found = None;
        for token in &self.0 {
            if token.hash.is_some_and(|known| known.ct_eq(&hash).into()) {
                found = Some(token);
            }
        }
        found
    }

    /// The token that a client certificate of this common name stands for.
    pub(super) fn by_name(&self, name: &str) -> Option<&Token> {
        self.0.iter().find(|token| token.name == name)
    }
}

impl Token {
    fn of(settings: &TokenSettings) -> Self {
        let TokenSettings { name, sha256, token, scopes, agents } = settings;
        let hash = if token.is_empty() { parse_hash(sha256) } else { Some(Sha256::digest(token).into()) };
        Self { name: name.clone(), hash, scopes: scopes.clone(), agents: agents.clone() }
    }

    /// Whether it may use a route that needs `scope`.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| own.includes(scope))
    }

    /// Whether it may speak for the agent of this id. Admin may for all, whatever patterns stand beside it.
    pub(super) fn may_beat_for(&self, agent: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => agent.starts_with(prefix),
            None => agent == pattern,
        };
        self.agents.is_empty() || self.scopes.contains(&Scope::Admin) || self.agents.iter().any(matches)
    }
}

/// `None` for a token that only a client certificate stands for: no secret meets it. What is no hash otherwise, the
/// check of the settings has refused.
fn parse_hash(digits: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

    fn tokens(token: TokenSettings) -> Tokens {
        Tokens::of(&AuthSettings { tokens: vec![token], ..AuthSettings::default() })
    }

    #[test]
    fn a_token_is_known_by_its_hash_in_either_case() {
        for sha256 in [SHA256.to_owned(), SHA256.to_uppercase()] {
            let tokens = tokens(TokenSettings { name: "ci".into(), sha256, ..TokenSettings::default() });
            assert_eq!(tokens.by_secret(b"t0ken").unwrap().name, "ci");
            assert_eq!(tokens.by_secret(b"t0kem"), None);
        }
    }

    #[test]
    fn a_token_given_as_it_is_is_known_too() {
        let tokens = tokens(TokenSettings { token: "t0ken".into(), ..TokenSettings::default() });
        assert!(tokens.by_secret(b"t0ken").is_some());
        assert!(tokens.by_secret(b"").is_none());
    }

    #[test]
    fn a_token_for_a_certificate_is_met_by_no_secret() {
        let tokens = tokens(TokenSettings { name: "agent-7".into(), ..TokenSettings::default() });
        assert_eq!(tokens.by_secret(b""), None);
        assert!(tokens.by_name("agent-7").is_some());
    }

    #[test]
    fn a_beat_token_speaks_for_the_agents_it_names() {
        let agents = vec!["edge-*".to_owned(), "lab".to_owned()];
        let token = |scope| TokenSettings { scopes: vec![scope], agents: agents.clone(), ..TokenSettings::default() };
        let beat = Token::of(&token(Scope::Beat));
        let heard = ["edge-1", "lab", "lab-2", "dc"].map(|agent| beat.may_beat_for(agent));
        assert_eq!(heard, [true, true, false, false]);
        assert!(Token::of(&token(Scope::Admin)).may_beat_for("dc"));
    }
}
