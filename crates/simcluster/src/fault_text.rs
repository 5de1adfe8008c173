//! Faults as text: in settings and on the control routes.
//!
//! Owns their form. What a fault does is `fault`'s and `http`'s.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::duration;
use crate::fault::{Effect, Fault, Filter};

/// A fault, for example `{verb: list, resource: pods, times: 2, effect: {status: 429, retry_after: 1}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultText {
    /// Which requests, by their verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `apply`, `delete`, `deletecollection`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verb: Option<String>,
    /// By their resource, for example `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// By the namespace of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    /// By the name of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// By a part of the user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// Only watches, or none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch: Option<bool>,
    /// How many fitting requests are spared first.
    #[serde(default)]
    skip: u64,
    /// How many requests meet it; all if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// Share of the fitting requests that meet it, by the seed.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    share: f64,
    /// What happens: a word, or a mapping with the amount.
    effect: EffectText,
    /// Requests that fitted so far; ignored in what is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    fitted: Option<u64>,
    /// Requests that met it so far; ignored in what is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    met: Option<u64>,
}

fn all() -> f64 {
    1.0
}

/// An effect: a word, or a mapping with one amount.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
enum EffectText {
    Word(Word),
    Amount(Box<Amount>),
}

/// Effects without an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Word {
    Stall,
    ExpireWatch,
    ExpireContinue,
    RepeatEvent,
    UndecodableItem,
    MalformedJson,
    NoBookmarks,
}

/// Effects with an amount; one of them, and `retry_after` beside `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Amount {
    /// The answer waits: `200ms`, or a range `200ms..2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<String>,
    /// HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    status: Option<u16>,
    /// Seconds of `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Bytes of the body before the connection is reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_after: Option<usize>,
    /// Events before a watch ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    drop_watch: Option<u64>,
    /// Events before a watch falls silent and stays open.
    #[serde(skip_serializing_if = "Option::is_none")]
    stall_watch: Option<u64>,
    /// The clock is off by this: `-30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    skew: Option<String>,
    /// Nobody listens for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    down: Option<String>,
}

impl<'de> Deserialize<'de> for EffectText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = EffectText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a word such as `stall` or a mapping such as {status: 429}")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<EffectText, E> {
                Word::deserialize(StrDeserializer::new(word)).map(EffectText::Word)
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<EffectText, M::Error> {
                Amount::deserialize(MapAccessDeserializer::new(map)).map(|amount| EffectText::Amount(Box::new(amount)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl FaultText {
    /// The fault, or what is wrong with the text.
    pub(crate) fn fault(&self) -> Result<Fault, String> {
        let Self { verb, resource, namespace, name, user_agent, watch, skip, times, share, effect, .. } = self.clone();
        if !(0.0..=1.0).contains(&share) {
            return Err("`share` must be from 0 to 1".to_owned());
        }
        let on = Filter { verb, resource, namespace, name, user_agent, watch };
        Ok(Fault { on, skip, times, share, effect: effect.effect()? })
    }

    /// The text of a fault, with how often it was looked at.
    pub(crate) fn of(fault: &Fault, counts: Option<(u64, u64)>) -> Self {
        let Fault { on, skip, times, share, effect } = fault.clone();
        let Filter { verb, resource, namespace, name, user_agent, watch } = on;
        let (fitted, met) = counts.unzip();
        let effect = EffectText::of(&effect);
        Self { verb, resource, namespace, name, user_agent, watch, skip, times, share, effect, fitted, met }
    }
}

impl EffectText {
    fn effect(&self) -> Result<Effect, String> {
        match self {
            Self::Word(word) => Ok(word.effect()),
            Self::Amount(amount) => amount.effect(),
        }
    }

    fn of(effect: &Effect) -> Self {
        let none = Amount::default;
        let amount = match effect {
            Effect::Latency(from, to) => {
                let range = format!("{}..{}", duration::text(*from), duration::text(*to));
                Amount { latency: Some(range), ..none() }
            }
            Effect::Status { code, retry_after } => Amount { status: Some(*code), retry_after: *retry_after, ..none() },
            Effect::ResetAfter(bytes) => Amount { reset_after: Some(*bytes), ..none() },
            Effect::DropWatch(events) => Amount { drop_watch: Some(*events), ..none() },
            Effect::StallWatch(events) => Amount { stall_watch: Some(*events), ..none() },
            Effect::Skew(by) => Amount { skew: Some(duration::signed::text(*by)), ..none() },
            Effect::Down(length) => Amount { down: Some(duration::text(*length)), ..none() },
            Effect::Stall => return Self::Word(Word::Stall),
            Effect::ExpireWatch => return Self::Word(Word::ExpireWatch),
            Effect::ExpireContinue => return Self::Word(Word::ExpireContinue),
            Effect::RepeatEvent => return Self::Word(Word::RepeatEvent),
            Effect::UndecodableItem => return Self::Word(Word::UndecodableItem),
            Effect::MalformedJson => return Self::Word(Word::MalformedJson),
            Effect::NoBookmarks => return Self::Word(Word::NoBookmarks),
        };
        Self::Amount(Box::new(amount))
    }
}

impl Word {
    fn effect(self) -> Effect {
        match self {
            Self::Stall => Effect::Stall,
            Self::ExpireWatch => Effect::ExpireWatch,
            Self::ExpireContinue => Effect::ExpireContinue,
            Self::RepeatEvent => Effect::RepeatEvent,
            Self::UndecodableItem => Effect::UndecodableItem,
            Self::MalformedJson => Effect::MalformedJson,
            Self::NoBookmarks => Effect::NoBookmarks,
        }
    }
}

impl Amount {
    fn effect(&self) -> Result<Effect, String> {
        let Self { latency, status, retry_after, reset_after, drop_watch, stall_watch, skew, down } = self;
        let status = status.map(|code| match code {
            400..600 => Ok(Effect::Status { code, retry_after: *retry_after }),
            _ => Err("`status` must be from 400 to 599".to_owned()),
        });
        let given = [
            latency.as_deref().map(latency_effect),
            status,
            reset_after.map(|bytes| Ok(Effect::ResetAfter(bytes))),
            drop_watch.map(|events| Ok(Effect::DropWatch(events))),
            stall_watch.map(|events| Ok(Effect::StallWatch(events))),
            skew.as_deref().map(skew_effect),
            down.as_deref().map(down_effect),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(effect), None) if retry_after.is_none() || self.status.is_some() => effect,
            (Some(_), None) => Err("`retry_after` goes with `status` only".to_owned()),
            _ => Err("`effect` must have one of latency, status, reset_after, drop_watch, stall_watch, skew and down"
                .to_owned()),
        }
    }
}

fn latency_effect(text: &str) -> Result<Effect, String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let range: Option<(Duration, Duration)> = duration::parse(from).zip(duration::parse(to));
    let range = range.filter(|(from, to)| from <= to);
    range.map(|(from, to)| Effect::Latency(from, to)).ok_or_else(|| "`latency` must be like 200ms..2s".to_owned())
}

fn skew_effect(text: &str) -> Result<Effect, String> {
    let by: Option<SignedDuration> = duration::signed::parse(text);
    by.map(Effect::Skew).ok_or_else(|| "`skew` must be like -30s".to_owned())
}

fn down_effect(text: &str) -> Result<Effect, String> {
    duration::parse(text).map(Effect::Down).ok_or_else(|| "`down` must be like 30s".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn read(text: Value) -> Result<Fault, String> {
        from_value::<FaultText>(text).map_err(|error| error.to_string())?.fault()
    }

    #[test]
    fn every_effect_reads_back_as_itself() {
        let effects = [
            json!({"latency": "200ms..2s"}),
            json!({"status": 429, "retry_after": 1}),
            json!({"status": 504}),
            json!({"reset_after": 10}),
            json!({"drop_watch": 3}),
            json!({"stall_watch": 3}),
            json!({"skew": "-30s"}),
            json!({"down": "30s"}),
            json!("stall"),
            json!("expire_watch"),
            json!("expire_continue"),
            json!("repeat_event"),
            json!("undecodable_item"),
            json!("malformed_json"),
            json!("no_bookmarks"),
        ];
        for effect in effects {
            let text = json!({"verb": "list", "watch": false, "skip": 1, "times": 2, "share": 0.5, "effect": effect});
            let fault = read(text.clone()).unwrap();
            assert_eq!(to_value(FaultText::of(&fault, None)).unwrap(), text);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        for (text, names) in [
            (json!({"effect": "explode"}), "explode"),
            (json!({"effect": {"explode": 1}}), "explode"),
            (json!({"effect": {}}), "effect"),
            (json!({"effect": {"status": 500, "down": "1s"}}), "effect"),
            (json!({"effect": {"status": 200}}), "status"),
            (json!({"effect": {"retry_after": 1, "drop_watch": 1}}), "retry_after"),
            (json!({"effect": {"stall_watch": 1, "drop_watch": 1}}), "stall_watch"),
            (json!({"effect": {"latency": "2s..1s"}}), "latency"),
            (json!({"effect": "stall", "share": 2}), "share"),
            (json!({"effect": "stall", "watch": "yes"}), "yes"),
            (json!({"effect": "stall", "skip": -1}), "-1"),
            (json!({"effect": "stall", "often": 1}), "often"),
            (json!({"verb": "list"}), "effect"),
        ] {
            let why = read(text.clone()).unwrap_err();
            assert!(why.contains(names), "{text}: {why}");
        }
    }
}
