//! The routes of responses. Both are answered by the leader, who knows what is in force.

use std::sync::Arc;

use axum::extract::State as Of;
use web::routes::{get, post};
use web::{Fault, Json, Query, Routes};

use crate::preview;
use crate::responses::Responses;
use crate::wire::{MissingCrd, Overview, OverviewFilter, Preview, PreviewAsk, Skipped};

/// Routes of the API listener of a controller.
pub fn routes(responses: &Responses) -> Routes {
    let about = "Shows what is in force, what would be done, and why nothing is done about the rest.";
    let preview = "Rehearses responses by other settings, or about some findings; nothing is written or sent.";
    Routes::new()
        .read(get("/api/v1/responses", about, overview).with_state(responses.clone()).on_leader())
        .write(post("/api/v1/responses/preview", preview, rehearse).with_state(responses.clone()).on_leader())
}

/// Shows what is in force, what would be done, and why nothing is done about the rest.
async fn overview(Of(responses): Of<Responses>, Query(filter): Query<OverviewFilter>) -> Json<Overview> {
    Json(responses.overview(&filter))
}

/// Rehearses responses by other settings, or about some findings; nothing is written or sent.
async fn rehearse(Of(responses): Of<Responses>, Json(ask): Json<PreviewAsk>) -> Result<Json<Preview>, Fault> {
    preview::preview(responses.shared(), ask).await.map(Json)
}

impl Responses {
    /// What the last sweep left, cut to what is asked for.
    pub(crate) fn overview(&self, filter: &OverviewFilter) -> Overview {
        let (view, shared) = (self.view(), Arc::clone(self.shared()));
        let OverviewFilter { response, namespace, reason } = filter;
        let is_asked = |of: crate::response::Response, object: &str| {
            response.is_none_or(|response| response == of)
                && namespace.as_ref().is_none_or(|namespace| is_in(object, namespace))
        };
        let applied = view.applied.iter().filter(|applied| {
            let names_app = format!("block {}/", namespace.as_deref().unwrap_or_default());
            is_asked(applied.response, &applied.object)
                || response.is_none_or(|response| response == applied.response)
                    && namespace.is_some()
                    && applied.detail.starts_with(&names_app)
        });
        let planned = view.planned.iter().filter(|planned| {
            let is_about = |namespace: &String| planned.namespaces.contains(namespace);
            is_asked(planned.shown.response, &planned.shown.object)
                || response.is_none_or(|response| response == planned.shown.response)
                    && namespace.as_ref().is_some_and(is_about)
        });
        let skipped = view.skipped.iter().filter(|skip| {
            response.is_none_or(|response| response == skip.response)
                && namespace.as_ref().is_none_or(|namespace| *namespace == skip.namespace)
                && reason.is_none_or(|reason| reason == skip.reason)
        });
        let now = api::Time::of(shared.parts.clock.now());
        let dry_run = shared.settings.load().dry_run;
        let missing = view.missing.iter().map(|(response, next_try)| {
            let resource = response.resource();
            MissingCrd { kind: resource.kind.to_owned(), group: resource.group.to_owned(), next_try: *next_try }
        });
        let mut waiting_for = view.waiting.clone();
        if view.as_of.is_none() {
            waiting_for.push("the first sweep".to_owned());
        }
        Overview {
            as_of: view.as_of.unwrap_or(now),
            leader: shared.parts.reporter.clone(),
            acting: view.warm && shared.proof().is_some() && !dry_run,
            dry_run,
            warm: view.warm,
            waiting_for,
            applied: applied.cloned().collect(),
            planned: planned.map(|planned| planned.shown.clone()).collect(),
            skipped: skipped.map(Skipped::from).collect(),
            missing_crds: missing.collect(),
            messages: shared.notify.messages(),
        }
    }
}

/// Whether an object is, or lies in, a namespace.
fn is_in(object: &str, namespace: &str) -> bool {
    object.split('/').nth(1) == Some(namespace)
}
