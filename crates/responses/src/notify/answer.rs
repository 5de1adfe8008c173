//! What the answer of a receiver means: delivered, to be tried again, or never to be. Pure.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use web::client::OutgoingError;

/// Characters of a receiver's words that are shown.
const SHOWN: usize = 200;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It may succeed later.
    Again {
        /// Why it has not.
        why: String,
        /// How long the receiver asks to wait.
        after: Option<Duration>,
        /// Whether other messages would fail too.
        is_down: bool,
    },
    /// It never will.
    Never {
        /// Why.
        why: String,
    },
    /// This process does not lead any more; nothing was sent.
    NotLeading,
}

/// The answer to a request, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// Webhooks and Alertmanager say all by the status.
pub(crate) fn by_status(answer: &Answer) -> Outcome {
    let Answer { status, after, body } = answer;
    let why = || {
        let words = shown(&String::from_utf8_lossy(body));
        let colon = if words.is_empty() { "" } else { ": " };
        format!("answer {}{colon}{words}", status.as_u16())
    };
    match status.as_u16() {
        200..=299 => Outcome::Delivered,
        429 | 503 => Outcome::Again { why: why(), after: *after, is_down: true },
        408 | 425 | 500..=599 => Outcome::Again { why: why(), after: *after, is_down: false },
        300..=399 => Outcome::Never { why: format!("answer {}: redirects are not followed", status.as_u16()) },
        _ => Outcome::Never { why: why() },
    }
}

/// Lark answers 200 to almost everything and says by a code what it means.
pub(crate) fn lark(answer: &Answer) -> Outcome {
    const BUSY: i64 = 11_232;
    const REFUSED: i64 = 9_499;
    let Some((code, words)) = lark_code(&answer.body) else {
        return match by_status(answer) {
            Outcome::Delivered => {
                let why = "the answer is not understood".to_owned();
                Outcome::Again { why, after: None, is_down: false }
            }
            by_status => by_status,
        };
    };
    let why = format!("code {code}: {}", shown(&words));
    let busy = Outcome::Again { why: why.clone(), after: answer.after, is_down: true };
    match (answer.status.as_u16(), code) {
        (200, 0) => Outcome::Delivered,
        (429, _) | (_, BUSY) => busy,
        (_, REFUSED) if words.to_lowercase().contains("too many") => busy,
        (500..=599 | 408 | 425, _) => by_status(answer),
        _ => Outcome::Never { why },
    }
}

/// Nothing came back.
pub(crate) fn no_answer(error: &OutgoingError) -> Outcome {
    let why = error.to_string();
    match error {
        OutgoingError::Address | OutgoingError::Refused(_) => Outcome::Never { why },
        OutgoingError::Unreachable(_) | OutgoingError::Timeout => Outcome::Again { why, after: None, is_down: true },
        OutgoingError::TooLarge(_) | OutgoingError::Broken(_) => Outcome::Again { why, after: None, is_down: false },
    }
}

/// How long the receiver asks to wait: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Duration::try_from(date.timestamp().duration_since(now)).unwrap_or_default())
}

/// `code` and `msg`, or `StatusCode` and `StatusMessage` as the former interface had it.
fn lark_code(body: &[u8]) -> Option<(i64, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let pair = |code: &str, words: &str| {
        let code = body.get(code)?.as_i64()?;
        Some((code, body.get(words).and_then(Value::as_str).unwrap_or_default().to_owned()))
    };
    pair("code", "msg").or_else(|| pair("StatusCode", "StatusMessage"))
}

/// The first words in one line.
pub(crate) fn shown(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let after = (status == 429).then(|| Duration::from_secs(7));
        Answer { status: StatusCode::from_u16(status).unwrap(), after, body: body.as_bytes().to_vec() }
    }

    /// In one word, with why.
    fn word(outcome: Outcome) -> (&'static str, String) {
        match outcome {
            Outcome::Delivered => ("delivered", String::new()),
            Outcome::Again { why, is_down: true, .. } => ("down", why),
            Outcome::Again { why, .. } => ("again", why),
            Outcome::Never { why } => ("never", why),
            Outcome::NotLeading => ("not leading", String::new()),
        }
    }

    #[test]
    fn a_webhook_says_all_by_its_status() {
        let words = |status| word(by_status(&answer(status, ""))).0;
        assert_eq!([200, 202, 204, 299].map(words), ["delivered"; 4]);
        assert_eq!([408, 425, 500, 502, 504, 599].map(words), ["again"; 6]);
        assert_eq!([429, 503].map(words), ["down"; 2]);
        assert_eq!([301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422].map(words), ["never"; 11]);
        let told = by_status(&answer(404, " no such\n\u{7}hook "));
        assert_eq!(told, Outcome::Never { why: "answer 404: no such hook".to_owned() });
    }

    #[test]
    fn a_receiver_that_is_busy_says_when_to_come_again() {
        let told = by_status(&answer(429, ""));
        let after = Some(Duration::from_secs(7));
        assert_eq!(told, Outcome::Again { why: "answer 429".to_owned(), after, is_down: true });
    }

    #[test]
    fn lark_is_believed_by_its_code_and_not_by_its_status() {
        let cases = [
            (200, r#"{"code":0,"msg":"success"}"#, "delivered", ""),
            (200, r#"{"StatusCode":0,"StatusMessage":"success"}"#, "delivered", ""),
            (200, r#"{"code":11232,"msg":"frequency limited"}"#, "down", "code 11232: frequency limited"),
            (400, r#"{"code":11232,"msg":"frequency limited"}"#, "down", "code 11232: frequency limited"),
            (200, r#"{"code":9499,"msg":"Too Many Request"}"#, "down", "code 9499: Too Many Request"),
            (200, r#"{"code":9499,"msg":"Bad Request"}"#, "never", "code 9499: Bad Request"),
            (200, r#"{"code":19021,"msg":"sign match fail"}"#, "never", "code 19021: sign match fail"),
            (200, r#"{"code":19022,"msg":"ip not allowed"}"#, "never", "code 19022: ip not allowed"),
            (200, r#"{"code":19024,"msg":"key words not found"}"#, "never", "code 19024: key words not found"),
            (200, r#"{"StatusCode":1}"#, "never", "code 1: "),
            (200, "<html>", "again", "the answer is not understood"),
            (200, "{}", "again", "the answer is not understood"),
            (200, r#"{"code":"0"}"#, "again", "the answer is not understood"),
            (201, r#"{"code":0}"#, "never", "code 0: "),
            (404, r#"{"code":0}"#, "never", "code 0: "),
            (404, "nothing here", "never", "answer 404: nothing here"),
            (429, "", "down", "answer 429"),
            (429, r#"{"code":1}"#, "down", "code 1: "),
            (502, r#"{"code":1}"#, "again", r#"answer 502: {"code":1}"#),
            (500, "", "again", "answer 500"),
        ];
        for (status, body, expected, why) in cases {
            assert_eq!(word(lark(&answer(status, body))), (expected, why.to_owned()), "{status} {body}");
        }
    }

    #[test]
    fn what_gave_no_answer_is_tried_again_unless_it_may_never_be_sent() {
        let words = |error| word(no_answer(&error)).0;
        assert_eq!(words(OutgoingError::Unreachable("refused".to_owned())), "down");
        assert_eq!(words(OutgoingError::Timeout), "down");
        assert_eq!(words(OutgoingError::TooLarge(65_536)), "again");
        assert_eq!(words(OutgoingError::Broken("reset".to_owned())), "again");
        assert_eq!(words(OutgoingError::Address), "never");
    }

    #[test]
    fn seconds_and_dates_say_when_to_come_again() {
        let now: Timestamp = "2026-11-21T04:30:00Z".parse().unwrap();
        let asked =
            |text: &str| retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]), now);
        assert_eq!(asked("120"), Some(Duration::from_mins(2)));
        assert_eq!(asked("Sat, 21 Nov 2026 04:31:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(asked("Sat, 21 Nov 2026 04:29:00 GMT"), Some(Duration::ZERO));
        assert_eq!((asked("soon"), asked("-1")), (None, None));
    }
}
