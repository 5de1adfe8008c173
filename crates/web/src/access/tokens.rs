//! The tokens that the settings know, as hashes.

use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Scope;
use crate::{AuthSettings, TokenSettings};

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

/// Why the tokens of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file of a token cannot be read.
    #[error("failed to read the token of `{name}` from {}", .path.display())]
    Read {
        /// Name of the token.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of a token holds none: an empty token would let everybody in.
    #[error("the file of the token `{name}` is empty: {}", .path.display())]
    Empty {
        /// Name of the token.
        name: String,
        /// The file.
        path: PathBuf,
    },
}

impl Tokens {
    /// The tokens of `settings`; reads their files.
    pub(super) fn read(settings: &AuthSettings) -> Result<Self, TokenError> {
        settings.tokens.iter().map(Token::read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token whose secret is `secret`. Takes as long for every secret: all hashes are compared, each in constant time.
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
    fn read(settings: &TokenSettings) -> Result<Self, TokenError> {
        let TokenSettings { name, sha256, token_file, scopes, agents } = settings;
        let hash = match (sha256.as_str(), token_file.as_str()) {
            ("", "") => None,
            ("", path) => Some(read_secret(name, path)?),
            (digits, _) => parse_hash(digits),
        };
        Ok(Self { name: name.clone(), hash, scopes: scopes.clone(), agents: agents.clone() })
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

fn read_secret(name: &str, path: &str) -> Result<Hash, TokenError> {
    let (name, path) = (name.to_owned(), PathBuf::from(path));
    match std::fs::read(&path) {
        Err(source) => Err(TokenError::Read { name, path, source }),
        Ok(content) => {
            let secret = content.strip_suffix(b"\n").unwrap_or(&content);
            if secret.is_empty() {
                return Err(TokenError::Empty { name, path });
            }
            Ok(Sha256::digest(secret).into())
        }
    }
}

/// `None` for what is no hash: such a token is never met. The check of the settings has refused it before.
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

    fn tokens(token: TokenSettings) -> Result<Tokens, TokenError> {
        Tokens::read(&AuthSettings { tokens: vec![token], ..AuthSettings::default() })
    }

    fn from_file(content: &str) -> Result<Tokens, TokenError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, content).unwrap();
        let token_file = path.to_str().unwrap().to_owned();
        tokens(TokenSettings { name: "ci".into(), token_file, ..TokenSettings::default() })
    }

    #[test]
    fn a_token_is_known_by_its_hash_in_either_case() {
        for sha256 in [SHA256.to_owned(), SHA256.to_uppercase()] {
            let tokens = tokens(TokenSettings { name: "ci".into(), sha256, ..TokenSettings::default() }).unwrap();
            assert_eq!(tokens.by_secret(b"t0ken").unwrap().name, "ci");
            assert_eq!(tokens.by_secret(b"t0kem"), None);
        }
    }

    #[test]
    fn a_token_file_holds_the_token_and_at_most_one_newline_more() {
        assert!(from_file("t0ken\n").unwrap().by_secret(b"t0ken").is_some());
        assert!(from_file("t0ken\n\n").unwrap().by_secret(b"t0ken\n").is_some());
        assert_eq!(
            from_file("\n").unwrap_err().to_string().split(':').next(),
            Some("the file of the token `ci` is empty")
        );
    }

    #[test]
    fn a_token_for_a_certificate_is_met_by_no_secret() {
        let tokens = tokens(TokenSettings { name: "agent-7".into(), ..TokenSettings::default() }).unwrap();
        assert_eq!(tokens.by_secret(b""), None);
        assert!(tokens.by_name("agent-7").is_some());
    }

    #[test]
    fn a_beat_token_speaks_for_the_agents_it_names() {
        let agents = vec!["edge-*".to_owned(), "lab".to_owned()];
        let token = |scope| TokenSettings { scopes: vec![scope], agents: agents.clone(), ..TokenSettings::default() };
        let beat = Token::read(&token(Scope::Beat)).unwrap();
        let heard = ["edge-1", "lab", "lab-2", "dc"].map(|agent| beat.may_beat_for(agent));
        assert_eq!(heard, [true, true, false, false]);
        assert!(Token::read(&token(Scope::Admin)).unwrap().may_beat_for("dc"));
    }
}
