//! Findings as a document, of any size.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use web::openapi::{Answers, Operation};
use web::page::bad;
use web::{Fault, Query};

use super::Views;
use super::query::{filtered, sort};
use crate::export::{Document, Format};
use crate::walk::Walk;

filtered! {
    /// Which findings, and the form of the document.
    ExportQuery {
        /// `sarif`, `jsonl` or `csv`; required.
        format: Option<Format>,
        /// As for lists.
        sort: Option<String>,
    }
}

/// A document that is made while it is sent.
pub(super) struct Exported {
    format: Format,
    body: Body,
}

/// Exports findings.
pub(super) async fn export(State(views): State<Views>, Query(query): Query<ExportQuery>) -> Result<Exported, Fault> {
    let format = query.format.ok_or_else(|| bad("format", "is missing (accepted: sarif, jsonl or csv)"))?;
    let (filter, sort) = (query.filter()?, sort(query.sort.as_deref())?);
    let findings = views.findings;
    let document = Document::new(format, findings.ask(|book| format.prologue(book, &filter)));
    let begun = Some((document, Walk::in_order(filter, sort)));
    let pieces = stream::unfold(begun, move |begun| {
        let findings = findings.clone();
        async move {
            let (mut document, mut walk) = begun?;
            let piece = match walk.next(&findings) {
                Some(piece) => (document.piece(&piece), Some((document, walk))),
                None => (document.end(), None),
            };
            // Others get their turn between two pieces.
            tokio::task::yield_now().await;
            Some(piece)
        }
    });
    let pieces = stream::StreamExt::map(pieces, |piece: String| Ok::<_, std::convert::Infallible>(Bytes::from(piece)));
    Ok(Exported { format, body: Body::from_stream(pieces) })
}

impl IntoResponse for Exported {
    fn into_response(self) -> Response {
        let name = format!("attachment; filename=\"findings.{}\"", self.format.extension());
        let name = HeaderValue::try_from(name).expect("letters and punctuation are a header value");
        let kind = HeaderValue::from_static(self.format.media_type());
        ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], self.body).into_response()
    }
}

impl Answers for Exported {
    fn describe(operation: &mut Operation) {
        operation.answers_documents(StatusCode::OK, &Format::ALL.map(Format::media_type));
    }
}
