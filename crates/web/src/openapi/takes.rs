//! What a handler's arguments say about a request.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use schemars::JsonSchema;

use super::Operation;
use crate::{Json, NoQuery, Path, Query, Who};

/// An argument of a handler that says what of a request it reads.
pub trait Takes {
    /// Writes down what it reads.
    fn describe(operation: &mut Operation);
}

impl<T: JsonSchema> Takes for Query<T> {
    fn describe(operation: &mut Operation) {
        operation.takes_query::<T>();
    }
}

impl<T: JsonSchema> Takes for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.takes_path::<T>();
    }
}

impl<T: JsonSchema> Takes for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.takes_json::<T>();
    }
}

impl Takes for Bytes {
    fn describe(operation: &mut Operation) {
        operation.takes_bytes();
    }
}

/// Takes no query key, and refuses those that come.
impl Takes for NoQuery {
    fn describe(operation: &mut Operation) {
        operation.refuses(axum::http::StatusCode::BAD_REQUEST);
    }
}

/// Takes whatever query there is; for probes, whose one job is to answer.
impl Takes for RawQuery {
    fn describe(_: &mut Operation) {}
}

/// Comes with every credential.
impl Takes for Who {
    fn describe(_: &mut Operation) {}
}

impl<S> Takes for State<S> {
    fn describe(_: &mut Operation) {}
}

/// Conditions of a request and the like, which are the same for every route.
impl Takes for HeaderMap {
    fn describe(_: &mut Operation) {}
}
