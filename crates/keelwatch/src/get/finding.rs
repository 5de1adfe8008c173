//! `keelwatch get findings FINGERPRINT`: one finding with all that is known of it.
//!
//! Owns how it is written for people.

use std::fmt::Write;

use anyhow::{Context, bail};
use api::Finding;
use serde_json::Value;
use web::Client;

use super::{age, as_document, columns, findings, or_dash};
use crate::cli::Listing;

/// Asks for it and writes it.
pub(super) async fn get(client: &Client, fingerprint: &str, output: Listing) -> anyhow::Result<String> {
    if fingerprint.len() != 32 || !fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!(
            "`{fingerprint}` is no fingerprint (accepted: 32 hex digits, as `keelwatch get findings -o wide` shows them)"
        );
    }
    let answer: Value = client.get(&format!("/api/v1/findings/{fingerprint}"), &[]).await?;
    if let Some(document) = as_document(&answer, output)? {
        return Ok(document);
    }
    let read = |key: &str| answer[key].clone();
    let finding: Finding = serde_json::from_value(read("finding")).context("the answer is not understood")?;
    let related: Vec<Finding> = serde_json::from_value(read("related")).context("the answer is not understood")?;
    let mut text = told(&finding);
    let evidence = finding.evidence.map().iter().map(|(key, value)| vec![key.clone(), value.to_string()]).collect();
    let _ = write!(text, "\n{}", columns(&["EVIDENCE", ""], evidence, output));
    let timeline = answer["timeline"].as_array().into_iter().flatten().map(entry).collect();
    let _ = write!(text, "\n{}", columns(&["TIME", "EVENT", "DETAIL"], timeline, output));
    if !related.is_empty() {
        let _ = write!(text, "\nrelated\n{}", findings::table(&related, output));
    }
    Ok(text)
}

fn told(finding: &Finding) -> String {
    let Finding { title, description, severity, rule, source, state, subject, owner, image, .. } = finding;
    let mut text = format!("{title}\n{description}\n\n");
    let maybe = |text: Option<&str>| or_dash(text.unwrap_or_default());
    let seen =
        format!("first {} ago, last {} ago, {} times", age(finding.first_seen), age(finding.last_seen), finding.count);
    let place = [&subject.namespace, &subject.pod, &subject.container].into_iter().flatten();
    let place: Vec<&str> = place.map(Box::as_ref).collect();
    let lines = [
        ("fingerprint", finding.fingerprint.as_str().to_owned()),
        ("severity", severity.to_string()),
        ("rule", format!("{rule} ({source})")),
        ("state", state.as_str().to_owned()),
        ("stale", maybe(finding.stale_reason.as_deref())),
        ("silence", maybe(finding.silence.as_deref())),
        ("seen", seen),
        ("where", or_dash(&place.join("/"))),
        ("node", maybe(subject.node.as_deref())),
        ("owner", owner.as_ref().map_or_else(|| "-".to_owned(), findings::owner)),
        ("image", maybe(image.as_deref())),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    text
}

/// What is told beside time and event differs from event to event.
fn entry(entry: &Value) -> Vec<String> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let others = entry
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !["at", "event", "fingerprint"].contains(&key.as_str()) && !value.is_null());
    let detail: Vec<String> = others
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        })
        .collect();
    vec![or_dash(&text("at")), or_dash(&text("event")), or_dash(&detail.join(" "))]
}
