//! Faults and durations as text: in settings and on the control routes.
//!
//! Owns their form. What a fault does is `fault`'s and `http`'s.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::fault::{Effect, Fault, Filter};

const FILTERS: [&str; 6] = ["verb", "resource", "namespace", "name", "user_agent", "watch"];

/// A fault, for example `{"verb":"list","times":2,"effect":{"status":429,"retry_after":1}}`.
pub(crate) fn parse(entry: &Value) -> Result<Fault, String> {
    let Some(map) = entry.as_object() else { return Err("a mapping is wanted".to_owned()) };
    let known = |key: &&String| {
        FILTERS.contains(&key.as_str())
            || matches!(key.as_str(), "skip" | "times" | "share" | "effect" | "fitted" | "met")
    };
    if let Some(unknown) = map.keys().find(|key| !known(key)) {
        return Err(format!("`{unknown}` is not known"));
    }
    let text = |key: &str| match &entry[key] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(format!("`{key}` must be text")),
    };
    let on = Filter {
        verb: text("verb")?,
        resource: text("resource")?,
        namespace: text("namespace")?,
        name: text("name")?,
        user_agent: text("user_agent")?,
        watch: entry["watch"].as_bool(),
    };
    let share = entry["share"].as_f64().unwrap_or(1.0);
    if !(0.0..=1.0).contains(&share) {
        return Err("`share` must be from 0 to 1".to_owned());
    }
    let effect = effect(&entry["effect"])?;
    Ok(Fault { on, skip: entry["skip"].as_u64().unwrap_or(0), times: entry["times"].as_u64(), share, effect })
}

fn effect(value: &Value) -> Result<Effect, String> {
    let plain = match value.as_str() {
        Some("stall") => Some(Effect::Stall),
        Some("expire_watch") => Some(Effect::ExpireWatch),
        Some("expire_continue") => Some(Effect::ExpireContinue),
        Some("repeat_event") => Some(Effect::RepeatEvent),
        Some("undecodable_item") => Some(Effect::UndecodableItem),
        Some("malformed_json") => Some(Effect::MalformedJson),
        Some("no_bookmarks") => Some(Effect::NoBookmarks),
        Some(other) => return Err(format!("effect `{other}` is not known")),
        None => None,
    };
    if let Some(effect) = plain {
        return Ok(effect);
    }
    let wrong = || "`effect` must be a word or a mapping such as {\"status\": 429}".to_owned();
    let map = value.as_object().ok_or_else(wrong)?;
    let number = |key: &str| map.get(key).and_then(Value::as_u64);
    if let Some(code) = number("status") {
        let code = u16::try_from(code).ok().filter(|code| (400..600).contains(code));
        let code = code.ok_or("`status` must be from 400 to 599")?;
        return Ok(Effect::Status { code, retry_after: number("retry_after") });
    }
    if let Some(bytes) = number("reset_after") {
        return Ok(Effect::ResetAfter(usize::try_from(bytes).unwrap_or(usize::MAX)));
    }
    if let Some(events) = number("drop_watch") {
        return Ok(Effect::DropWatch(events));
    }
    if let Some(text) = map.get("latency").and_then(Value::as_str) {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to) = (parse_duration(from), parse_duration(to));
        return from
            .zip(to)
            .map(|(from, to)| Effect::Latency(from, to))
            .ok_or_else(|| "`latency` must be like 200ms..2s".to_owned());
    }
    if let Some(text) = map.get("skew").and_then(Value::as_str) {
        let (unsigned, is_back) =
            text.strip_prefix('-').map_or((text.trim_start_matches('+'), false), |rest| (rest, true));
        let by = parse_duration(unsigned)
            .and_then(|by| SignedDuration::try_from(by).ok())
            .ok_or("`skew` must be like -30s")?;
        return Ok(Effect::Skew(if is_back { -by } else { by }));
    }
    if let Some(length) = map.get("down").and_then(duration) {
        return Ok(Effect::Down(length));
    }
    Err(wrong())
}

/// A duration such as `"30s"`.
pub(crate) fn duration(value: &Value) -> Option<Duration> {
    parse_duration(value.as_str()?)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let amount: f64 = text[..split].parse().ok()?;
    let unit = match &text[split..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(amount * unit).ok()
}

/// The form that [`parse`] reads.
pub(crate) fn to_value(fault: &Fault) -> Value {
    let Fault { on, skip, times, share, effect } = fault;
    let Filter { verb, resource, namespace, name, user_agent, watch } = on;
    let mut entry = Map::new();
    for (key, value) in
        [("verb", verb), ("resource", resource), ("namespace", namespace), ("name", name), ("user_agent", user_agent)]
    {
        if let Some(value) = value {
            entry.insert(key.to_owned(), value.as_str().into());
        }
    }
    if let Some(watch) = watch {
        entry.insert("watch".to_owned(), (*watch).into());
    }
    entry.insert("skip".to_owned(), (*skip).into());
    if let Some(times) = times {
        entry.insert("times".to_owned(), (*times).into());
    }
    entry.insert("share".to_owned(), (*share).into());
    entry.insert("effect".to_owned(), effect_value(effect));
    Value::Object(entry)
}

fn effect_value(effect: &Effect) -> Value {
    match effect {
        Effect::Latency(from, to) => json!({"latency": format!("{}ms..{}ms", from.as_millis(), to.as_millis())}),
        Effect::Status { code, retry_after: Some(seconds) } => json!({"status": code, "retry_after": seconds}),
        Effect::Status { code, retry_after: None } => json!({"status": code}),
        Effect::ResetAfter(bytes) => json!({"reset_after": bytes}),
        Effect::DropWatch(events) => json!({"drop_watch": events}),
        Effect::Skew(by) => json!({"skew": format!("{}ms", by.as_millis())}),
        Effect::Down(length) => json!({"down": format!("{}ms", length.as_millis())}),
        Effect::Stall
        | Effect::ExpireWatch
        | Effect::ExpireContinue
        | Effect::RepeatEvent
        | Effect::UndecodableItem
        | Effect::MalformedJson
        | Effect::NoBookmarks => effect.name().into(),
    }
}
