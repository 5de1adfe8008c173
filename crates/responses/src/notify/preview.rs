//! What would be sent, for people to look at: nothing is signed, sent or remembered.

use api::Time;
use findings::{Book, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::settings::{NotifierKind, NotifierSettings};
use super::{alerts, announce, event, lark, webhook};
use crate::Around;

/// What stands for a secret.
const HIDDEN: &str = "***";

/// One message that would be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewedMessage {
    /// By whom.
    pub notifier: String,
    /// Its body, as the receiver would get it; secrets as `***`.
    pub body: Value,
}

/// What the notifiers that are on would say of these findings if they had said nothing yet.
pub(crate) fn preview(
    (notifiers, around): (&[NotifierSettings], &Around),
    book: &Book,
    findings: &[&Record],
    now: Time,
) -> Vec<PreviewedMessage> {
    let on = notifiers.iter().filter(|notifier| notifier.enabled);
    let all = on.flat_map(|notifier| {
        let bodies = bodies(notifier, around, book, findings, now);
        bodies.into_iter().map(|body| PreviewedMessage { notifier: notifier.name.clone(), body })
    });
    all.collect()
}

fn bodies(settings: &NotifierSettings, around: &Around, book: &Book, findings: &[&Record], now: Time) -> Vec<Value> {
    if settings.kind == NotifierKind::Alertmanager {
        let alerts: Vec<Value> = alerts::of(book, findings.iter().copied(), settings, around, now)
            .into_iter()
            .map(|alert| alert.body)
            .collect();
        return alerts.chunks(alerts::BATCH).map(Value::from).collect();
    }
    let messages = announce::rehearse(book, findings, settings, now).into_iter();
    let body = |message: super::message::Message| match settings.kind {
        NotifierKind::Lark => {
            let is_signed = !settings.secret_file.is_empty();
            let timestamp = jiff::Timestamp::from(now).as_second();
            Some(lark::body(settings, around, &message, is_signed.then_some((timestamp, HIDDEN))))
        }
        NotifierKind::Webhook => {
            let body = webhook::body(settings, around, &message, now);
            Some(body.unwrap_or_else(|error| json!({"error": error})))
        }
        NotifierKind::Event => {
            let item = message.items.first()?;
            event::incident(item, message.event, around).map(|incident| event::shown(&incident))
        }
        NotifierKind::Alertmanager => None,
    };
    messages.filter_map(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::fixture::{Kept, alertmanager, at, lark, notifier, seen};

    fn previewed(notifier: NotifierSettings) -> Vec<Value> {
        let mut kept = Kept::default();
        kept.look(0, vec![seen(1), seen(2)], &[]);
        kept.look(10, vec![], &[2]);
        let around = Around::default();
        let findings: Vec<&Record> = kept.book.records().collect();
        let previewed = preview((&[notifier], &around), &kept.book, &findings, at(60));
        previewed.into_iter().map(|message| message.body).collect()
    }

    #[test]
    fn bodies_are_shown_as_they_would_be_sent_without_secrets() {
        let secret_file = "/run/secrets/lark".to_owned();
        let lark = previewed(NotifierSettings { secret_file, ..lark() });
        assert_eq!((lark.len(), &lark[0]["sign"], &lark[0]["msg_type"]), (1, &json!("***"), &json!("interactive")));
        let webhook = previewed(notifier(NotifierKind::Webhook));
        let told = (webhook.len(), &webhook[0]["event"], webhook[0]["findings"].as_array().unwrap().len());
        assert_eq!(told, (1, &json!("opened"), 1));
        let alerts = previewed(alertmanager());
        assert_eq!((alerts.len(), alerts[0].as_array().unwrap().len()), (1, 2));
        let event = previewed(notifier(NotifierKind::Event));
        let regarding = json!({"apiVersion": "v1", "kind": "Pod", "namespace": "ns-shop", "name": "cart-0"});
        assert_eq!((event.len(), &event[0]["regarding"], &event[0]["type"]), (1, &regarding, &json!("Warning")));
    }

    #[test]
    fn a_notifier_that_is_off_says_nothing() {
        assert_eq!(previewed(NotifierSettings { enabled: false, ..lark() }), [Value::Null; 0]);
    }
}
