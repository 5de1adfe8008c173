//! Formats of strings and integers. As in Kubernetes, formats that are not known allow everything.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use jiff::civil::Date;

/// Whether a text has a format.
pub(super) fn is_text_of(format: &str, text: &str) -> bool {
    match format {
        "date-time" => is_date_time(text),
        "date" => text.len() == 10 && text.parse::<Date>().is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "uuid" => is_uuid(text),
        _ => true,
    }
}

/// Whether an integer has a format.
pub(super) fn is_integer_of(format: &str, number: i64) -> bool {
    format != "int32" || i32::try_from(number).is_ok()
}

/// RFC 3339 with a `T`; jiff alone would take other forms of ISO 8601, too.
fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has = |at: usize, one_of: &[u8]| bytes.get(at).is_some_and(|byte| one_of.contains(byte));
    has(10, b"Tt") && has(13, b":") && has(16, b":") && text.parse::<Timestamp>().is_ok()
}

fn is_uuid(text: &str) -> bool {
    let digits: String = text.split('-').collect();
    let has_dashes = matches!(text.len(), 32 | 36) && digits.len() == 32;
    has_dashes && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
