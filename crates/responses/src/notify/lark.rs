//! Cards of Lark and Feishu bots.
//!
//! Owns the form of a card. Whatever a tenant can choose stands in `plain_text`, where markup is text.

use api::finding::Finding;
use api::{Severity, Time};
use serde_json::{Value, json};

use super::answer::{self, Outcome};
use super::http::{self, Http, Post};
use super::link;
use super::message::{Happened, Message};
use super::settings::NotifierSettings;
use super::sign;
use crate::Around;

/// Most bytes of a whole body; the receiver takes 20 KB.
const BODY_BYTES: usize = 20_000;

/// Characters of a text that a tenant or a source chose. 253 is the longest name that Kubernetes has.
const TEXT_CHARS: usize = 253;

/// Sends a message as a card.
pub(crate) async fn send(
    http: &mut Http,
    settings: &NotifierSettings,
    around: &Around,
    message: &Message,
    now: Time,
) -> Outcome {
    let posted = async {
        let url = http::address(settings).await?;
        let timestamp = jiff::Timestamp::from(now).as_second();
        let signed = http::secret(settings).await?.map(|secret| (timestamp, sign::lark(&secret, timestamp)));
        let signed = signed.as_ref().map(|(timestamp, sign)| (*timestamp, sign.as_str()));
        let body = body(settings, around, message, signed).to_string().into_bytes();
        let post = Post { url, headers: Vec::new(), body, reads_answer: true };
        http.post(settings, post).await
    };
    posted.await.map_or_else(|outcome| outcome, |answer| answer::lark(&answer))
}

/// The body; of too many rows the last are left out and counted.
pub(crate) fn body(
    settings: &NotifierSettings,
    around: &Around,
    message: &Message,
    signed: Option<(i64, &str)>,
) -> Value {
    let mut rows = message.items.len();
    loop {
        let card = card(settings, around, message, rows);
        let mut body = json!({});
        if let Some((timestamp, sign)) = signed {
            body["timestamp"] = timestamp.to_string().into();
            body["sign"] = sign.into();
        }
        body["msg_type"] = "interactive".into();
        body["card"] = card;
        if rows == 0 || body.to_string().len() <= BODY_BYTES {
            return body;
        }
        rows -= 1;
    }
}

fn card(settings: &NotifierSettings, around: &Around, message: &Message, rows: usize) -> Value {
    let mut elements = vec![json!({"tag": "div", "fields": facts(settings, around, message)})];
    for item in message.items.iter().take(rows) {
        elements.push(json!({"tag": "hr"}));
        elements.push(json!({"tag": "div", "fields": row(&item.finding)}));
    }
    let left = message.count() - rows as u64;
    if left > 0 {
        elements.push(json!({"tag": "hr"}));
        elements.push(json!({"tag": "note", "elements": [plain(&format!("and {left} more"))]}));
    }
    if let Some(link) = link::home(around) {
        let button = json!({"tag": "button", "text": plain("Open Keelwatch"), "type": "default", "url": link});
        elements.push(json!({"tag": "action", "actions": [button]}));
    }
    json!({
        "config": {"wide_screen_mode": true},
        "header": {"template": color(message), "title": plain(&title(message))},
        "elements": elements,
    })
}

fn color(message: &Message) -> &'static str {
    match (message.event, message.severity()) {
        (Happened::Resolved, _) => "green",
        (_, Severity::Critical | Severity::High) => "red",
        (_, Severity::Medium) => "orange",
        (_, Severity::Low) => "grey",
    }
}

fn title(message: &Message) -> String {
    let count = message.count();
    let findings = if count == 1 { "finding" } else { "findings" };
    let happened = match message.event {
        Happened::Opened => "",
        Happened::Repeated => " still open",
        Happened::Resolved => " resolved",
    };
    cut(&format!("{count} {} {findings}{happened} in {}", message.severity(), message.group.place()))
}

/// What holds of all rows.
fn facts(settings: &NotifierSettings, around: &Around, message: &Message) -> Vec<Value> {
    let facts = [
        ("Cluster", around.cluster.as_str()),
        ("Availability zone", settings.region.as_str()),
        ("Namespace", message.group.namespace.as_str()),
        ("App", message.group.app.as_str()),
        ("Source", message.group.source.as_str()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| field(name, value)).collect()
}

fn row(finding: &Finding) -> Vec<Value> {
    let subject = &finding.subject;
    let ended = finding.resolved_at.map(|at| at.to_string());
    let first_seen = finding.first_seen.to_string();
    let facts = [
        ("Rule", Some(finding.rule.as_str())),
        ("Severity", Some(finding.severity.as_str())),
        ("What", Some(finding.title.as_str())),
        ("Name", Some(&*subject.name)),
        ("Pod", subject.pod.as_deref()),
        ("Node", subject.node.as_deref()),
        ("First seen", Some(first_seen.as_str())),
        ("Resolved", ended.as_deref()),
        ("Reference", finding.fingerprint.as_str().get(..8)),
    ];
    let told = facts
        .into_iter()
        .filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|value| (name, value)));
    told.map(|(name, value)| field(name, value)).collect()
}

fn field(name: &str, value: &str) -> Value {
    json!({"is_short": true, "text": plain(&format!("{name}: {}", cut(value)))})
}

fn plain(text: &str) -> Value {
    json!({"tag": "plain_text", "content": text})
}

/// In one line and without what reorders the text around it, cut at a character.
fn cut(text: &str) -> String {
    let is_shown = |character: &char| {
        !character.is_control()
            && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = text.chars().filter(is_shown);
    let mut cut: String = shown.by_ref().take(TEXT_CHARS).collect();
    if shown.next().is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::fixture::{item, lark, message, named, resolved};

    fn around() -> Around {
        Around { cluster: "production".to_owned(), external_url: "https://keelwatch.example/".to_owned() }
    }

    fn card_of(message: &Message) -> Value {
        body(&lark(), &around(), message, None)["card"].clone()
    }

    /// Every text of the card, with its tag.
    fn texts(value: &Value) -> Vec<(String, String)> {
        match value {
            Value::Object(object) if object.contains_key("content") => {
                vec![(value["tag"].as_str().unwrap().to_owned(), value["content"].as_str().unwrap().to_owned())]
            }
            Value::Object(object) => object.values().flat_map(texts).collect(),
            Value::Array(list) => list.iter().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_card_is_signed_only_with_a_secret() {
        let message = message(named("xmrig"));
        let signed = body(&lark(), &around(), &message, Some((1_700_000_000, &sign::lark("s3cret", 1_700_000_000))));
        let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&signed), ["timestamp", "sign", "msg_type", "card"]);
        let head = (&signed["timestamp"], &signed["sign"], &signed["msg_type"]);
        assert_eq!(
            head,
            (&json!("1700000000"), &json!("IX3eHI0/v/Td7jqJ0ynSEK3Dq5JY3HUZeoeMgVZeZGo="), &json!("interactive"))
        );
        assert_eq!(keys(&body(&lark(), &around(), &message, None)), ["msg_type", "card"]);
    }

    #[test]
    fn what_a_tenant_can_choose_stays_text() {
        let evil = "<at id=all></at>\u{202e}**[x](http://evil)**\n";
        let card = card_of(&message(named(evil)));
        assert_eq!(card["config"], json!({"wide_screen_mode": true}));
        let texts = texts(&card);
        assert!(texts.iter().all(|(tag, _)| tag == "plain_text"), "{texts:?}");
        assert!(texts.iter().any(|(_, text)| text == "Name: <at id=all></at>**[x](http://evil)**"), "{texts:?}");
    }

    #[test]
    fn the_color_says_how_bad_it_is() {
        let color = |severity| card_of(&message(vec![item(1, severity)]))["header"]["template"].clone();
        assert_eq!(Severity::ALL.map(color), ["grey", "orange", "red", "red"]);
        let over = Message { event: Happened::Resolved, ..message(vec![resolved(1)]) };
        let header = &card_of(&over)["header"];
        assert_eq!(
            (&header["template"], &header["title"]["content"]),
            (&json!("green"), &json!("1 high finding resolved in ns-shop/cart"))
        );
    }

    #[test]
    fn rows_that_do_not_fit_are_left_out_from_the_end_and_counted() {
        let long = "名".repeat(300);
        let message = message((0..40).flat_map(|_| named(&long)).collect());
        let body = body(&lark(), &around(), &message, None);
        let elements = body["card"]["elements"].as_array().unwrap();
        let rows = elements.iter().filter(|element| element["tag"] == "div").count() - 1;
        let left = format!("and {} more", 40 - rows);
        assert!(body.to_string().len() <= BODY_BYTES && (5..20).contains(&rows), "{rows}");
        assert!(texts(&body).iter().any(|(_, text)| *text == left), "{left}");
    }

    #[test]
    fn region_and_link_are_there_if_they_are_set() {
        let shown = body(&lark(), &around(), &message(named("a")), None).to_string();
        assert!(
            shown.contains("Availability zone: hzh") && shown.contains("\"https://keelwatch.example/\""),
            "{shown}"
        );
        let none = NotifierSettings { region: String::new(), ..lark() };
        let bare = body(&none, &Around::default(), &message(named("a")), None).to_string();
        assert!(!bare.contains("Availability zone") && !bare.contains("button") && !bare.contains("Cluster"), "{bare}");
    }
}
