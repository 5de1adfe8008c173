//! By what nodes are reached: the client with its trust, and the credential.
//!
//! Owns the two files of the settings, read again for each round. What cannot be read now was read before, or is told.

use axum::http::HeaderValue;
use web::client::{Direct, Trust, bearer};

use crate::settings::{ControllerSettings, Scheme};

/// What nodes are reached by. Connections are kept from round to round, unless the trust changes.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    client: Option<(Trusted, Direct)>,
    token: Option<(String, HeaderValue)>,
}

/// The scheme, and the authorities that were read; none for those of the system.
type Trusted = (Scheme, Option<Vec<u8>>);

/// What a round reaches nodes by, and what is wrong with it in words.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) direct: Direct,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) trouble: String,
}

impl Reach {
    /// By these settings, and what their files hold now. Fails in words if nobody can be asked.
    pub(crate) fn by(&mut self, settings: &ControllerSettings) -> Result<Reached, String> {
        let authorities = authorities(settings);
        let mut troubles: Vec<String> = authorities.as_ref().err().cloned().into_iter().collect();
        let direct = match (authorities, &self.client) {
            (Ok(authorities), _) => self.client((settings.scheme, authorities))?,
            (Err(_), Some((_, client))) => client.clone(),
            (Err(why), None) => return Err(why),
        };
        troubles.extend(self.read_token(settings).err());
        let authorization = self.token.as_ref().map(|(_, header)| header.clone());
        Ok(Reached { direct, authorization, trouble: troubles.join("; ") })
    }

    fn client(&mut self, wanted: Trusted) -> Result<Direct, String> {
        if let Some((trusted, client)) = &self.client
            && *trusted == wanted
        {
            return Ok(client.clone());
        }
        let trust = match &wanted {
            (Scheme::Http, _) => Trust::Plain,
            (Scheme::Https, authorities) => Trust::Tls(authorities.as_deref()),
        };
        let client = Direct::new(trust).map_err(|error| format!("violations.controller.ca_file: {error}"))?;
        self.client = Some((wanted, client.clone()));
        Ok(client)
    }

    fn read_token(&mut self, settings: &ControllerSettings) -> Result<(), String> {
        let file = &settings.token_file;
        if file.is_empty() {
            self.token = None;
            return Ok(());
        }
        let text = std::fs::read_to_string(file);
        let text =
            text.map_err(|error| format!("failed to read violations.controller.token_file `{file}`: {error}"))?;
        let token = text.strip_suffix('\n').unwrap_or(&text);
        if self.token.as_ref().is_some_and(|(known, _)| known == token) {
            return Ok(());
        }
        // The words of the error hold nothing of the token.
        let header = bearer(token).map_err(|error| format!("violations.controller.token_file `{file}`: {error}"))?;
        self.token = Some((token.to_owned(), header));
        Ok(())
    }
}

/// Without a file the system's are trusted; with one that cannot be read, never.
fn authorities(settings: &ControllerSettings) -> Result<Option<Vec<u8>>, String> {
    let ControllerSettings { scheme, ca_file, .. } = settings;
    match scheme {
        Scheme::Https if !ca_file.is_empty() => {
            let read = std::fs::read(ca_file);
            read.map(Some).map_err(|error| format!("failed to read violations.controller.ca_file `{ca_file}`: {error}"))
        }
        Scheme::Http | Scheme::Https => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(token_file: &std::path::Path) -> ControllerSettings {
        ControllerSettings { token_file: token_file.display().to_string(), ..ControllerSettings::default() }
    }

    #[test]
    fn a_token_is_read_again_and_the_last_one_stays_when_it_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let mut reach = Reach::default();
        let mut sent = || {
            let Reached { authorization, trouble, .. } = reach.by(&settings(&file)).unwrap();
            (authorization.map(|value| value.to_str().unwrap().to_owned()), trouble)
        };
        assert!(matches!(sent(), (None, trouble) if trouble.contains("token_file")));
        for token in ["one", "two"] {
            std::fs::write(&file, format!("{token}\n")).unwrap();
            assert_eq!(sent(), (Some(format!("Bearer {token}")), String::new()));
        }
        std::fs::write(&file, "s3cret\nand more").unwrap();
        let (kept, trouble) = sent();
        assert_eq!((kept.as_deref(), trouble.contains("s3cret")), (Some("Bearer two"), false));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(sent().0.as_deref(), Some("Bearer two"));
        assert_eq!(reach.by(&ControllerSettings::default()).unwrap().authorization, None);
    }

    #[test]
    fn nobody_is_asked_while_nobody_can_be_verified() {
        let settings = ControllerSettings {
            scheme: Scheme::Https,
            ca_file: "/nowhere/ca.pem".to_owned(),
            ..ControllerSettings::default()
        };
        let error = Reach::default().by(&settings).unwrap_err();
        assert!(error.starts_with("failed to read violations.controller.ca_file `/nowhere/ca.pem`"), "{error}");
    }
}
