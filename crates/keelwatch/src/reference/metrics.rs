//! The page of the metrics, from the registry of each role.

use runtime::metrics::Entry;

use crate::reference::{cell, head};
use crate::{controller, node};

pub(super) fn page() -> anyhow::Result<String> {
    let lead = "What `GET /metrics` serves on the metrics listener.";
    let mut page = head("Metrics", lead);
    for (role, catalog) in [("Node", node::metrics_catalog()?), ("Controller", controller::metrics_catalog()?)] {
        page.extend(["\n## ", role, " role\n\n| name | type | labels | meaning |\n|---|---|---|---|\n"]);
        for Entry { name, kind, labels, help } in catalog {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let row = format!("| `{name}` | {kind} | {} | {} |\n", labels.join(", "), cell(help));
            page.push_str(&row);
        }
    }
    Ok(page)
}
