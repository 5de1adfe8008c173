//! Webhooks: JSON by POST, signed.

use api::Time;
use axum::http::HeaderName;
use serde_json::Value;

use super::answer::{self, Outcome};
use super::http::{self, Http, Post};
use super::message::Message;
use super::settings::NotifierSettings;
use super::sign;
use super::template::Template;
use crate::Around;

const EVENT: HeaderName = HeaderName::from_static("keelwatch-event");
const IDEMPOTENCY: HeaderName = HeaderName::from_static("idempotency-key");
const SIGNATURE: HeaderName = HeaderName::from_static("keelwatch-signature");

/// Sends a message.
pub(crate) async fn send(
    http: &mut Http,
    settings: &NotifierSettings,
    around: &Around,
    message: &Message,
    now: Time,
) -> Outcome {
    let posted = async {
        let body = body(settings, around, message, now).map_err(|why| Outcome::Never { why })?.to_string().into_bytes();
        let url = http::address(settings).await?;
        let mut headers = vec![(EVENT, message.event.as_str().to_owned()), (IDEMPOTENCY, message.id.clone())];
        if let Some(secret) = http::secret(settings).await? {
            headers.push((SIGNATURE, sign::webhook(&secret, jiff::Timestamp::from(now).as_second(), &body)));
        }
        http.post(settings, Post { url, headers, body, reads_answer: false }).await
    };
    posted.await.map_or_else(|outcome| outcome, |answer| answer::by_status(&answer))
}

/// The body: all that is known, or what the template makes of it.
pub(crate) fn body(
    settings: &NotifierSettings,
    around: &Around,
    message: &Message,
    sent_at: Time,
) -> Result<Value, String> {
    if settings.template.is_empty() {
        return Ok(message.body(&around.cluster, sent_at));
    }
    let rendered = Template::trusted(&settings.template).render(message, &around.cluster, sent_at);
    rendered.map_err(|error| format!("the template: {error}"))
}
