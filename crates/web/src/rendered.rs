//! Answers whose body was made elsewhere, such as once for many requests.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};

/// An answer of which its handler knows that the body is a `T` as JSON; it may also be an answer without a body, as 304
/// is.
#[derive(Debug)]
pub struct Rendered<T> {
    response: Response,
    of: PhantomData<fn() -> T>,
}

impl<T> Rendered<T> {
    /// This answer.
    pub fn new(response: impl IntoResponse) -> Self {
        Self { response: response.into_response(), of: PhantomData }
    }
}

impl<T> IntoResponse for Rendered<T> {
    fn into_response(self) -> Response {
        self.response
    }
}
