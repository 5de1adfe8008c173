//! What a handler's result says about an answer.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::NoContent;
use schemars::JsonSchema;

use super::Operation;
use crate::{Fault, Json, Rendered};

/// The result of a handler that says how a request is answered.
pub trait Answers {
    /// Writes down what is answered.
    fn describe(operation: &mut Operation);
}

impl<T: JsonSchema> Answers for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.answers_json::<T>(StatusCode::OK);
    }
}

impl<T: JsonSchema> Answers for Rendered<T> {
    fn describe(operation: &mut Operation) {
        operation.answers_json::<T>(StatusCode::OK);
    }
}

impl Answers for NoContent {
    fn describe(operation: &mut Operation) {
        operation.answers_nothing(StatusCode::NO_CONTENT);
    }
}

impl Answers for &'static str {
    fn describe(operation: &mut Operation) {
        operation.answers_text(StatusCode::OK);
    }
}

impl Answers for String {
    fn describe(operation: &mut Operation) {
        operation.answers_text(StatusCode::OK);
    }
}

/// Every route may answer a problem; which, `refuses` says where it is known.
impl<A: Answers> Answers for Result<A, Fault> {
    fn describe(operation: &mut Operation) {
        A::describe(operation);
    }
}

impl<A: Answers> Answers for (HeaderMap, A) {
    fn describe(operation: &mut Operation) {
        A::describe(operation);
    }
}

impl<V, A: Answers, const N: usize> Answers for ([(HeaderName, V); N], A) {
    fn describe(operation: &mut Operation) {
        A::describe(operation);
    }
}
