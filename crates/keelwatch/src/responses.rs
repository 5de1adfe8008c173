//! `keelwatch responses preview`: what a controller would do about its findings.
//!
//! Owns what is asked for which arguments and how the answer is written. Planning is `responses`' job.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::cli::ResponsesPreview;
use crate::exit::{Exit, tolerate_closed};
use crate::get::{as_document, client, columns, or_dash};

/// Asks, and writes the plan to standard output.
pub(crate) fn preview(args: &ResponsesPreview) -> anyhow::Result<Exit> {
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let body = body(args)?;
    let answer: Value = worker.context("failed to start the runtime")?.block_on(async {
        anyhow::Ok(client(&args.connection)?.post("/api/v1/responses/preview", &[], &body).await?)
    })?;
    let text = match as_document(&answer, args.output)? {
        Some(document) => document,
        None => tables(&answer, args),
    };
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Clean)
}

fn body(args: &ResponsesPreview) -> anyhow::Result<Value> {
    let mut body = Map::new();
    if let Some(file) = &args.file {
        body.insert("settings".to_owned(), section(file)?);
    }
    if !args.findings.is_empty() {
        body.insert("findings".to_owned(), json!(args.findings));
    }
    if args.server_dry_run {
        body.insert("server_dry_run".to_owned(), json!(true));
    }
    Ok(Value::Object(body))
}

/// The section to try: that of a settings file, or a file that is nothing else.
fn section(file: &Path) -> anyhow::Result<Value> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {shown}"))?;
    let mut value: Value =
        serde_saphyr::from_str(&text).with_context(|| format!("{shown} is neither YAML nor JSON"))?;
    match value.get_mut("responses") {
        Some(section) => Ok(section.take()),
        None => bail!("{shown} has no section `responses`"),
    }
}

/// What would be done, what not, and what would be said.
fn tables(answer: &Value, args: &ResponsesPreview) -> String {
    let rows = |list: &str, keys: &[&str]| -> Vec<Vec<String>> {
        let items = answer[list].as_array().into_iter().flatten();
        items.map(|item| keys.iter().map(|key| or_dash(&cell(&item[*key]))).collect()).collect()
    };
    let plan = rows("plan", &["response", "verb", "object", "findings"]);
    let skipped = rows("skipped", &["response", "namespace", "app", "reason", "findings"]);
    let messages = rows("messages", &["notifier"]);
    let mut text = columns(&["RESPONSE", "VERB", "OBJECT", "FINDINGS"], plan, args.output);
    if !skipped.is_empty() {
        let header = ["SKIPPED", "NAMESPACE", "APP", "REASON", "FINDINGS"];
        let _ = write!(text, "\n{}", columns(&header, skipped, args.output));
    }
    if !messages.is_empty() {
        let _ = write!(text, "\n{}", columns(&["MESSAGE TO"], messages, args.output));
    }
    text
}

/// Of several findings the first, and how many more.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => match items.as_slice() {
            [] => String::new(),
            [one] => cell(one),
            [first, more @ ..] => format!("{} +{}", cell(first), more.len()),
        },
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
