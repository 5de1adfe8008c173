//! Query strings, strict: an unknown key, a repeated one or a bad value is refused with 400 and named.
//!
//! Owns the extractor. The serde side is `pairs`; what keys mean is for the route that takes them.

mod pairs;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Fault, percent};
use pairs::QueryError;
pub(crate) use pairs::{Pair, read};

/// The query string of a request, as a struct whose fields are the accepted keys. A field that is a `Vec` takes its key
/// as often as it is given; one with `#[serde(default)]` or of type `Option` may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

/// Refuses any query key, for routes that take none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoQuery;

#[derive(serde::Deserialize)]
struct NoKeys {}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parse::<NoKeys>(parts.uri.query().unwrap_or_default()).map(|NoKeys {}| Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Fault> {
    let decoded: Option<Vec<Pair<'_>>> = query.split('&').filter(|text| !text.is_empty()).map(decode).collect();
    let pairs = decoded.ok_or_else(|| {
        Fault::bad_request("malformed-query", "the query string has a broken percent-escape (accepted: UTF-8)")
    })?;
    pairs::read(&pairs).map_err(|error| match error {
        QueryError::UnknownKey { .. } => Fault::bad_request("unknown-query-key", error.to_string()),
        QueryError::MissingKey { .. } | QueryError::BadValue { .. } => {
            Fault::bad_request("invalid-query-value", error.to_string())
        }
    })
}

fn decode(text: &str) -> Option<Pair<'_>> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    Some(Pair { key: percent::decode(key)?, value: percent::decode(value)? })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default)]
    struct Filter {
        state: State,
        limit: Option<u16>,
        namespace: Vec<String>,
        exact: bool,
    }

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum State {
        #[default]
        Open,
        All,
    }

    #[derive(Debug, Deserialize)]
    struct Needed {
        #[serde(rename = "id")]
        _id: u8,
    }

    #[track_caller]
    fn refused(query: &str, kind: &str, detail: &str) {
        assert_eq!(parse::<Filter>(query), Err(Fault::bad_request(kind, detail)));
    }

    #[test]
    fn keys_become_fields() {
        let expected =
            Filter { state: State::All, limit: Some(7), namespace: vec!["a b".into(), "c".into()], exact: true };
        assert_eq!(parse("state=all&limit=7&namespace=a+b&exact=true&namespace=%63"), Ok(expected));
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(parse(""), Ok(Filter::default()));
        assert_eq!(parse("&"), Ok(Filter::default()));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_accepted_ones() {
        let detail = "unknown query key `stat` (accepted: state, limit, namespace, exact)";
        refused("limit=7&stat=open", "unknown-query-key", detail);
        let none = Fault::bad_request("unknown-query-key", "unknown query key `a` (accepted: none)");
        assert_eq!(parse::<NoKeys>("a=1").map(|_| ()), Err(none));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_key_and_what_is_accepted() {
        let kind = "invalid-query-value";
        refused("state=shut", kind, "query key `state`: unknown variant `shut`, expected `open` or `all`");
        refused("limit=-1", kind, "query key `limit`: `-1` is not a whole number from 0 to 65535");
        refused("limit=65536", kind, "query key `limit`: `65536` is not a whole number from 0 to 65535");
        refused("exact=yes", kind, "query key `exact`: `yes` is not true or false");
        refused("state=open&state=all", kind, "query key `state`: given 2 times (accepted: once)");
    }

    #[test]
    fn a_needed_key_that_is_missing_is_named() {
        let fault = parse::<Needed>("").unwrap_err();
        assert_eq!(fault, Fault::bad_request("invalid-query-value", "query key `id` is missing"));
    }

    #[test]
    fn a_broken_escape_is_refused() {
        refused("state=%zz", "malformed-query", "the query string has a broken percent-escape (accepted: UTF-8)");
    }
}
