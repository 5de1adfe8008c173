//! Comma-separated values (RFC 4180), for spreadsheets.
//!
//! A process can be named as its owner likes. A cell that a spreadsheet would take for a formula gets a leading `'`.

use api::finding::Finding;

use crate::columns::whole;

const COLUMNS: [&str; 27] = [
    "fingerprint",
    "source",
    "rule",
    "severity",
    "action",
    "state",
    "stale",
    "title",
    "kind",
    "name",
    "namespace",
    "pod",
    "container",
    "node",
    "owner",
    "app",
    "image",
    "first_seen",
    "last_seen",
    "changed_at",
    "count",
    "reopened",
    "resolved_at",
    "resolved_reason",
    "silence",
    "description",
    "evidence",
];

pub(super) fn header() -> String {
    let mut text = String::new();
    line(&COLUMNS.map(str::to_owned), &mut text);
    text
}

pub(super) fn row(finding: &Finding, text: &mut String) {
    let subject = &finding.subject;
    let or_empty = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let cells: [String; COLUMNS.len()] = [
        finding.fingerprint.to_string(),
        finding.source.to_string(),
        finding.rule.clone(),
        finding.severity.to_string(),
        finding.action.map(|action| action.to_string()).unwrap_or_default(),
        finding.state.as_str().to_owned(),
        finding.stale.to_string(),
        finding.title.clone(),
        subject.kind.to_string(),
        subject.name.to_string(),
        or_empty(subject.namespace.as_deref()),
        or_empty(subject.pod.as_deref()),
        or_empty(subject.container.as_deref()),
        or_empty(subject.node.as_deref()),
        finding.owner.as_ref().map(whole).unwrap_or_default(),
        finding.app.as_ref().map(|app| app.name.clone()).unwrap_or_default(),
        or_empty(finding.image.as_deref()),
        finding.first_seen.to_string(),
        finding.last_seen.to_string(),
        finding.changed_at.to_string(),
        finding.count.to_string(),
        finding.reopened.to_string(),
        finding.resolved_at.map(|at| at.to_string()).unwrap_or_default(),
        or_empty(finding.resolved_reason.as_deref()),
        or_empty(finding.silence.as_deref()),
        finding.description.clone(),
        finding.evidence.as_str().to_owned(),
    ];
    line(&cells, text);
}

fn line(cells: &[String], text: &mut String) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push(cell, text);
    }
    text.push_str("\r\n");
}

fn push(cell: &str, text: &mut String) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_plain = !cell.contains([',', '"', '\r', '\n']);
    let sign = if is_formula { "'" } else { "" };
    if is_plain {
        text.extend([sign, cell]);
        return;
    }
    text.extend(["\"", sign, &cell.replace('"', "\"\""), "\""]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_is_never_a_formula() {
        let told = |cell: &str| {
            let mut text = String::new();
            push(cell, &mut text);
            text
        };
        let cells = [
            ("xmrig", "xmrig"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"a\"\n", "\"say \"\"a\"\"\n\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("=cmd|' /C calc'!A0,\"x\"", "\"'=cmd|' /C calc'!A0,\"\"x\"\"\""),
            ("a=b", "a=b"),
        ];
        for (cell, expected) in cells {
            assert_eq!(told(cell), expected);
        }
    }
}
