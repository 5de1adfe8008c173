//! Where a request carries its credential, and where it must not.

use axum::http::{HeaderMap, Uri, header};

use crate::percent;

const API_KEY: &str = "x-api-key";

/// Keys by which people send credentials in a query string. A URL ends up in logs and histories: refused, never read.
const QUERY_KEYS: [&str; 14] = [
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth_token",
    "authorization",
    "bearer",
    "bearer_token",
    "client_secret",
    "id_token",
    "passwd",
    "password",
    "token",
    "x-api-key",
];

/// What a request says about who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// Nothing.
    Missing,
    /// A token, by `Authorization: Bearer` or `X-API-Key`.
    Token(&'a [u8]),
    /// A client certificate that the listener has verified, by its common name.
    Certificate(&'a str),
    /// An `Authorization` of another scheme, or several that contradict each other.
    Unreadable,
}

impl<'a> Credential<'a> {
    /// The credential of a request. A token goes before the certificate, which may belong to a proxy.
    pub(super) fn of(headers: &'a HeaderMap, common_name: Option<&'a str>) -> Self {
        let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| bearer(value.as_bytes()));
        let keys = headers.get_all(API_KEY).iter().map(|value| Some(value.as_bytes()));
        let mut tokens = bearers.chain(keys);
        match (tokens.next(), common_name) {
            (Some(Some(token)), _) if tokens.all(|other| other == Some(token)) => Self::Token(token),
            (Some(_), _) => Self::Unreadable,
            (None, Some(name)) => Self::Certificate(name),
            (None, None) => Self::Missing,
        }
    }
}

/// The key of a credential in the query string, if there is one.
pub(crate) fn in_query(uri: &Uri) -> Option<&'static str> {
    let keys = uri.query()?.split('&').map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
    keys.filter_map(percent::decode).find_map(|key| {
        let key = key.trim().to_ascii_lowercase();
        QUERY_KEYS.into_iter().find(|refused| *refused == key)
    })
}

/// The token of `Bearer <token>`; the scheme in any case, as RFC 9110 wants it.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(sent: &[(&'static str, &'static str)], expected: Credential<'_>) {
        let headers: HeaderMap = HeaderMap::from_iter([]);
        let headers = sent.iter().fold(headers, |mut headers, (name, value)| {
            headers.append(*name, HeaderValue::from_static(value));
            headers
        });
        assert_eq!(Credential::of(&headers, Some("agent-7")), expected, "{sent:?}");
    }

    #[test]
    fn a_token_is_read_from_either_header_and_goes_before_the_certificate() {
        check(&[("authorization", "Bearer t0ken")], Credential::Token(b"t0ken"));
        check(&[("authorization", "bearer   t0ken ")], Credential::Token(b"t0ken"));
        check(&[("x-api-key", "t0ken")], Credential::Token(b"t0ken"));
        check(&[("authorization", "Bearer t0ken"), ("x-api-key", "t0ken")], Credential::Token(b"t0ken"));
        check(&[], Credential::Certificate("agent-7"));
    }

    #[test]
    fn what_is_no_bearer_token_or_contradicts_another_is_unreadable() {
        check(&[("authorization", "Basic dTpw")], Credential::Unreadable);
        check(&[("authorization", "Bearer ")], Credential::Unreadable);
        check(&[("authorization", "t0ken")], Credential::Unreadable);
        check(&[("authorization", "Bearer a"), ("x-api-key", "b")], Credential::Unreadable);
    }

    #[test]
    fn a_credential_in_the_query_string_is_found_however_it_is_written() {
        let found = |uri: &str| in_query(&uri.parse().unwrap());
        assert_eq!(found("/a?state=open&token=x"), Some("token"));
        assert_eq!(found("/a?Access_Token=x"), Some("access_token"));
        assert_eq!(found("/a?%61pi_key"), Some("api_key"));
        assert_eq!(found("/a?state=token&tokens=3"), None);
        assert_eq!(found("/token"), None);
    }
}
