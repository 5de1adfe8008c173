//! The page of the metrics, from the registry of each role.

use runtime::metrics::Entry;

use crate::node;
use crate::reference::{cell, head};

pub(super) fn page() -> anyhow::Result<String> {
    let lead = "What `GET /metrics` serves on the metrics listener.";
    let mut page = head("Metrics", lead);
    page.push_str("\n## Node role\n\n| name | type | labels | meaning |\n|---|---|---|---|\n");
    for Entry { name, kind, labels, help } in node::metrics_catalog()? {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let row = format!("| `{name}` | {kind} | {} | {} |\n", labels.join(", "), cell(help));
        page.push_str(&row);
    }
    Ok(page)
}
