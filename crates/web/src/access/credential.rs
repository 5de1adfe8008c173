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
pub(crate) enum Credential<'a> {
    /// Nothing.
    Missing,
    /// A token by `Authorization: Bearer`, beside which the same may stand in `X-API-Key`.
    Bearer(&'a [u8]),
    /// A token by `X-API-Key` alone.
    Key(&'a [u8]),
    /// `Authorization: Basic`, still in base64.
    Basic(&'a [u8]),
    /// A client certificate that the listener has verified, by its common name.
    Certificate(&'a str),
    /// An `Authorization` of another scheme, or several that contradict each other.
    Unreadable,
}

impl<'a> Credential<'a> {
    /// The credential of a request. A token goes before the certificate, which may belong to a proxy.
    pub(crate) fn of(headers: &'a HeaderMap, common_name: Option<&'a str>) -> Self {
        let authorizations = headers.get_all(header::AUTHORIZATION).iter().map(|value| authorization(value.as_bytes()));
        let keys = headers.get_all(API_KEY).iter().map(|value| match value.as_bytes().trim_ascii() {
            [] => Self::Unreadable,
            _ => Self::Key(value.as_bytes()),
        });
        let mut sent = authorizations.chain(keys);
        match (sent.next(), common_name) {
            (Some(first), _) if sent.all(|other| first.says_the_same_as(other)) => first,
            (Some(_), _) => Self::Unreadable,
            (None, Some(name)) => Self::Certificate(name),
            (None, None) => Self::Missing,
        }
    }

    fn says_the_same_as(self, other: Self) -> bool {
        self.token().is_some() && self.token() == other.token()
    }

    fn token(self) -> Option<&'a [u8]> {
        match self {
            Self::Bearer(token) | Self::Key(token) => Some(token),
            Self::Missing | Self::Basic(_) | Self::Certificate(_) | Self::Unreadable => None,
        }
    }
}

/// The key of a credential in the query string, if there is one.
pub(crate) fn in_query(uri: &Uri) -> Option<&'static str> {
    let keys = uri.query()?.split('&').map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
    keys.filter_map(percent::decode)
        .find_map(|key| QUERY_KEYS.into_iter().find(|refused| key.trim().eq_ignore_ascii_case(refused)))
}

/// The credential of an `Authorization`; the scheme in any case, as RFC 9110 wants it.
fn authorization(value: &[u8]) -> Credential<'_> {
    let of_scheme = |scheme: &str| {
        let (own, rest) = value.split_at_checked(scheme.len())?;
        let rest = rest.trim_ascii();
        (own.eq_ignore_ascii_case(scheme.as_bytes()) && !rest.is_empty()).then_some(rest)
    };
    match (of_scheme("Bearer "), of_scheme("Basic ")) {
        (Some(token), _) => Credential::Bearer(token),
        (None, Some(encoded)) => Credential::Basic(encoded),
        (None, None) => Credential::Unreadable,
    }
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
        check(&[("authorization", "Bearer t0ken")], Credential::Bearer(b"t0ken"));
        check(&[("authorization", "bearer   t0ken ")], Credential::Bearer(b"t0ken"));
        check(&[("x-api-key", "t0ken")], Credential::Key(b"t0ken"));
        check(&[("authorization", "Bearer t0ken"), ("x-api-key", "t0ken")], Credential::Bearer(b"t0ken"));
        check(&[("authorization", "Basic dTpw")], Credential::Basic(b"dTpw"));
        check(&[], Credential::Certificate("agent-7"));
    }

    #[test]
    fn what_has_no_known_scheme_or_contradicts_another_is_unreadable() {
        check(&[("authorization", "Digest dTpw")], Credential::Unreadable);
        check(&[("authorization", "Basic dTpw"), ("x-api-key", "dTpw")], Credential::Unreadable);
        check(&[("authorization", "Bearer ")], Credential::Unreadable);
        check(&[("authorization", "t0ken")], Credential::Unreadable);
        check(&[("x-api-key", "")], Credential::Unreadable);
        check(&[("x-api-key", " ")], Credential::Unreadable);
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
