//! Matches as SARIF 2.1.0, for code scanning services and security dashboards.
//!
//! Owns the shape. A process is no file, so the logical location names it; the executable is the physical one if it can
//! be opened at all.

use std::collections::BTreeSet;
use std::io::{self, Write};

use api::Severity;
use api::violation::Flag;
use findings::sarif::{SCHEMA, level, score};
use processes::rules::{Rule, RuleSet};
use serde_json::{Value, json};

use crate::scan::item::{Item, Word};

/// What is told of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleText {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) severity: Severity,
    pub(crate) tags: Vec<String>,
    pub(crate) references: Vec<String>,
}

/// Writes one run: a result for each match, one with a suppression for each exempt process, none for a clean one.
pub(crate) fn write(host: &str, items: &[Item], rules: &[RuleText], out: &mut impl Write) -> io::Result<()> {
    let told: Vec<&Item> = items.iter().filter(|item| item.word != Word::Clean).collect();
    let named: BTreeSet<&str> = told.iter().map(|item| item.violation.rule.as_str()).collect();
    let rules: Vec<&RuleText> = rules.iter().filter(|rule| named.contains(rule.id.as_str())).collect();
    let results: Vec<Value> = told.iter().map(|item| result(host, item, &rules)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Keelwatch",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// What is told of the rules of a set.
pub(crate) fn texts(rules: &RuleSet) -> Vec<RuleText> {
    let text = |rule: &Rule| RuleText {
        id: rule.id.clone(),
        name: rule.name.clone(),
        description: rule.description.clone(),
        severity: rule.severity,
        tags: rule.tags.clone(),
        references: rule.references.clone(),
    };
    rules.rules().iter().map(text).collect()
}

fn descriptor(rule: &RuleText) -> Value {
    let RuleText { id, name, description, severity, tags, references } = rule;
    let full = if description.is_empty() { name } else { description };
    let help = if references.is_empty() { full.clone() } else { format!("{full}\n\nSee {}.", references.join(", ")) };
    json!({
        "id": id,
        "shortDescription": {"text": name},
        "fullDescription": {"text": full},
        "help": {"text": help},
        "defaultConfiguration": {"level": level(*severity)},
        "properties": {"tags": tags, "security-severity": score(*severity)},
    })
}

fn result(host: &str, item: &Item, rules: &[&RuleText]) -> Value {
    let violation = &item.violation;
    let mut result = json!({
        "ruleId": violation.rule,
        "level": level(violation.severity),
        "message": {"text": message(item)},
        "locations": [location(host, item)],
        "partialFingerprints": {"keelwatch/v1": violation.fingerprint},
        "properties": {
            "severity": violation.severity,
            "rules": violation.rules,
            "pod_uid": violation.pod_uid,
            "container_id": violation.container_id,
            "evidence": violation.evidence,
        },
    });
    if let Some(index) = rules.iter().position(|rule| rule.id == violation.rule) {
        result["ruleIndex"] = json!(index);
    }
    if item.word == Word::Exempt {
        result["suppressions"] = json!([{"kind": "external", "justification": "covered by an exemption of the rules"}]);
    }
    result
}

fn message(item: &Item) -> String {
    let violation = &item.violation;
    let by = if item.found.exe.is_empty() { String::new() } else { format!(" ({})", item.found.exe) };
    format!(
        "Process {} `{}`{by} matches `{}`: {}",
        violation.pid, violation.process, violation.regex, violation.cmdline
    )
}

fn location(host: &str, item: &Item) -> Value {
    let pid = item.violation.pid.to_string();
    let logical = json!([{"name": pid, "fullyQualifiedName": format!("{host}/{pid}"), "kind": "process"}]);
    match file_uri(item) {
        None => json!({"logicalLocations": logical}),
        Some(uri) => {
            json!({"physicalLocation": {"artifactLocation": {"uri": uri}}, "logicalLocations": logical})
        }
    }
}

/// The executable as a URI; none if there is no such file any more, or never was.
fn file_uri(item: &Item) -> Option<String> {
    use std::fmt::Write as _;

    let exe = item.found.exe.as_str();
    let is_gone = item.found.flags.iter().any(|flag| matches!(flag, Flag::Deleted | Flag::Memfd));
    if is_gone || !exe.starts_with('/') {
        return None;
    }
    let mut uri = String::from("file://");
    for byte in exe.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            other => write!(uri, "%{other:02X}").expect("writing to a string cannot fail"),
        }
    }
    Some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::fixture;

    fn log(items: &[Item]) -> Value {
        let rule = RuleText {
            id: "miner-name".to_owned(),
            name: "Mining program".to_owned(),
            description: String::new(),
            severity: Severity::Critical,
            tags: vec!["miner".to_owned()],
            references: vec!["T1496".to_owned()],
        };
        let other = RuleText { id: "unused".to_owned(), ..rule.clone() };
        let mut out = Vec::new();
        write(fixture::NODE, items, &[other, rule], &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_match_is_a_result_at_a_host_and_pid() {
        let log = log(&fixture::items()[..1]);
        let result = &log["runs"][0]["results"][0];
        assert_eq!(
            (&result["ruleId"], &result["ruleIndex"], &result["level"]),
            (&json!("miner-name"), &json!(0), &json!("error"))
        );
        let location = &result["locations"][0];
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "worker-3/41233");
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "file:///app/xm%20rig");
        let fingerprint = json!({"keelwatch/v1": "51c1a2699889f2178cd1d27121a3f655"});
        assert_eq!(result["partialFingerprints"], fingerprint);
    }

    #[test]
    fn only_rules_with_a_result_are_told_and_each_has_help() {
        let log = log(&fixture::items()[..1]);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        let told: Vec<_> = rules.iter().map(|rule| (&rule["id"], &rule["help"]["text"])).collect();
        assert_eq!(told, [(&json!("miner-name"), &json!("Mining program\n\nSee T1496."))]);
        // The validators of the format refuse a name that is the id again.
        assert_eq!(rules[0].get("name"), None);
    }

    #[test]
    fn an_exempt_process_is_a_suppressed_result_and_a_clean_one_is_none() {
        let log = log(&fixture::items());
        let results = log["runs"][0]["results"].as_array().unwrap();
        let suppressed: Vec<bool> = results.iter().map(|result| result.get("suppressions").is_some()).collect();
        assert_eq!(suppressed, [false, true]);
    }

    #[test]
    fn an_executable_without_a_file_has_no_physical_location() {
        let log = log(&fixture::items()[1..2]);
        assert_eq!(log["runs"][0]["results"][0]["locations"][0].get("physicalLocation"), None);
    }
}
