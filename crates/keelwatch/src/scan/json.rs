//! Matches as JSON: one object, or one object a line.

use std::io::{self, Write};

use api::coverage::PassCoverage;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::scan::item::Item;

/// A whole scan.
#[derive(Serialize)]
struct Whole<'a> {
    host: &'a str,
    coverage: &'a PassCoverage,
    items: Vec<Map<String, Value>>,
}

/// One process whose verdict has changed.
#[derive(Serialize)]
struct Change {
    change: &'static str,
    #[serde(flatten)]
    line: Map<String, Value>,
}

/// Writes `{"host", "coverage", "items"}`.
pub(crate) fn write(host: &str, coverage: &PassCoverage, items: &[Item], out: &mut impl Write) -> io::Result<()> {
    let whole = Whole { host, coverage, items: items.iter().map(Item::line).collect() };
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)
}

/// Writes one object a line.
pub(crate) fn write_lines(items: &[Item], out: &mut impl Write) -> io::Result<()> {
    items.iter().try_for_each(|item| write_line(&item.line(), out))
}

/// Writes one change: `+` for a new match, `-` for one that is gone.
pub(crate) fn write_change(change: &'static str, item: &Item, out: &mut impl Write) -> io::Result<()> {
    write_line(&Change { change, line: item.line() }, out)
}

fn write_line(line: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scan::fixture;

    fn lines() -> Vec<Value> {
        let mut out = Vec::new();
        write_lines(&fixture::items(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_the_record_of_a_violation_and_what_replay_needs() {
        let line = &lines()[0];
        let violation: api::Violation = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(violation, fixture::items()[0].violation);
        let beyond = ["verdict", "comm", "exe", "start_ticks", "boot_id", "cut"].map(|key| line[key].clone());
        let boot_id = "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11";
        assert_eq!(json!(beyond), json!(["match", "xmrig", "/app/xm rig", 8_123_456, boot_id, false]));
        assert_eq!(line["argv"].as_array().map(Vec::len), Some(4));
        assert_eq!(lines()[1]["flags"], json!(["kernel-thread-name"]));
    }

    #[test]
    fn a_clean_process_claims_no_rule() {
        let line = &lines()[2];
        assert_eq!((line["verdict"].as_str(), line["pid"].as_u64()), (Some("clean"), Some(7)));
        let claims = ["rule", "rules", "regex", "severity", "action", "status", "fingerprint"];
        assert_eq!(claims.map(|key| line.get(key)), [None; 7]);
    }

    #[test]
    fn a_scan_is_one_object() {
        let (mut out, coverage) = (Vec::new(), fixture::coverage());
        write(fixture::NODE, &coverage, &fixture::items()[..1], &mut out).unwrap();
        let whole: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(whole, json!({"host": "worker-3", "coverage": coverage, "items": [lines()[0]]}));
    }
}
