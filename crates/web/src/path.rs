//! Parameters of a path, such as the name in `/api/v1/tasks/{name}`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::query::{Pair, read};
use crate::routes::Params;
use crate::{Fault, percent};

/// The parameters of a route's path, as a struct whose fields have their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let none = Params::default();
        let params = parts.extensions.get::<Params>().unwrap_or(&none);
        let pairs: Option<Vec<Pair<'_>>> = params.0.iter().map(|(name, value)| decoded(name, value)).collect();
        let pairs = pairs.ok_or_else(|| {
            Fault::bad_request("malformed-path", "the path has a broken percent-escape (accepted: UTF-8)")
        })?;
        read(&pairs).map(Self).map_err(|error| Fault::bad_request("invalid-path-value", error.in_path()))
    }
}

fn decoded<'a>(name: &'a str, value: &'a str) -> Option<Pair<'a>> {
    Some(Pair { key: name.into(), value: percent::decode_path(value)? })
}
