//! `keelwatch get coverage`.
//!
//! Owns the columns: one line a source, then what is missing and why.

use std::fmt::Write;

use findings::wire::{Coverage, Refusals, SourceCoverage, Staleness};
use serde_json::Value;

use super::{age, as_document, client, columns, or_dash};
use crate::cli::{GetCoverage, Listing};

const HEADER: [&str; 8] = ["SOURCE", "SCOPES", "FRESH", "STALE", "FAILED", "NEVER", "OLDEST LOOK", "COMPLETE"];

/// Asks what was looked at and writes it.
pub(super) async fn get(args: &GetCoverage) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    let answer: Value = client.get("/api/v1/coverage", &[]).await?;
    if let Some(document) = as_document(&answer, args.output)? {
        return Ok(document);
    }
    Ok(told(&serde_json::from_value(answer)?, args.output))
}

fn told(coverage: &Coverage, output: Listing) -> String {
    let Coverage { complete, sources, full, refused } = coverage;
    let looking: Vec<&SourceCoverage> = sources.iter().filter(|source| source.looks).collect();
    let mut text = columns(&HEADER, looking.iter().map(|source| row(source)).collect(), output);
    let scopes: Vec<Vec<String>> = looking.iter().flat_map(|source| scopes(source)).collect();
    if !scopes.is_empty() {
        let header = ["NOT FRESH", "SCOPE", "STATE", "WHY", "LAST LOOK"];
        let _ = write!(text, "\n{}", columns(&header, scopes, output));
    }
    let gaps: Vec<Vec<String>> = looking.iter().flat_map(|source| gaps(source)).collect();
    let verdict = match (complete, gaps.is_empty()) {
        (false, _) => "incomplete: no finding does not mean clean",
        (true, false) => "nothing is missing but these gaps",
        (true, true) => "nothing is missing",
    };
    if !gaps.is_empty() {
        let _ = write!(text, "\n{}", columns(&["GAP OF", "WHAT", "WHY", "COUNT"], gaps, output));
    }
    if *full {
        text.push_str(
            "\nthere is no room for more findings (findings.max_findings): the least severe new ones are refused\n",
        );
    }
    text.push_str(&refusals(refused));
    let _ = writeln!(text, "\n{verdict}");
    text
}

/// Of the process that answered, since its start: what its last round refused is a gap besides.
fn refusals(Refusals { full, evidence, malformed }: &Refusals) -> String {
    let counts = [(full, "for want of room"), (evidence, "for too large evidence"), (malformed, "as malformed")];
    let told: Vec<String> =
        counts.iter().filter(|(count, _)| **count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    if told.is_empty() { String::new() } else { format!("\nrefused since the start: {}\n", told.join(", ")) }
}

fn row(source: &SourceCoverage) -> Vec<String> {
    let scopes = source.scopes;
    let all = scopes.fresh + scopes.stale + scopes.failed + scopes.never;
    let numbers = [all, scopes.fresh, scopes.stale, scopes.failed, scopes.never].map(|number| number.to_string());
    let oldest = source.oldest_look.map(age).unwrap_or_default();
    let complete = if source.complete { "yes" } else { "no" };
    let cells = [source.source.to_string()].into_iter().chain(numbers).chain([or_dash(&oldest), complete.to_owned()]);
    cells.collect()
}

fn scopes(source: &SourceCoverage) -> impl Iterator<Item = Vec<String>> {
    source.not_fresh.iter().map(|scope| {
        let state = match scope.state {
            Staleness::Stale => "stale",
            Staleness::Failed => "failed",
            Staleness::Never => "never",
        };
        let (why, last) = (scope.reason.clone().unwrap_or_default(), scope.last_look.map(age).unwrap_or_default());
        vec![source.source.to_string(), scope.scope.clone(), state.to_owned(), or_dash(&why), or_dash(&last)]
    })
}

fn gaps(source: &SourceCoverage) -> impl Iterator<Item = Vec<String>> {
    source
        .gaps
        .iter()
        .map(|gap| vec![source.source.to_string(), gap.what.clone(), gap.why.clone(), gap.count.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(complete: bool, gaps: &Value, refused: &Value) -> Vec<String> {
        let source = serde_json::json!({
            "source": "process", "complete": complete, "looks": true, "last_round": null,
            "scopes": {"fresh": 2, "stale": 0, "failed": 0, "never": 0}, "oldest_look": null, "not_fresh": [], "gaps": gaps,
        });
        let coverage =
            serde_json::json!({"complete": complete, "sources": [source], "full": false, "refused": refused});
        let text = told(&serde_json::from_value(coverage).unwrap(), Listing::Wide);
        text.lines().skip(2).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn nothing_is_missing_is_said_only_if_it_is_so() {
        let none = serde_json::json!({"full": 0, "evidence": 0, "malformed": 0});
        let some = serde_json::json!({"full": 0, "evidence": 2, "malformed": 1});
        let gap = serde_json::json!([{"what": "namespace kube-system", "why": "skipped", "count": 3}]);
        let nothing = serde_json::json!([]);
        assert_eq!(lines(true, &nothing, &none), ["nothing is missing"]);
        let refused = "refused since the start: 2 for too large evidence, 1 as malformed";
        assert_eq!(lines(false, &nothing, &some), [refused, "incomplete: no finding does not mean clean"]);
        let gaps = ["GAP OF   WHAT                   WHY      COUNT", "process  namespace kube-system  skipped  3"];
        assert_eq!(lines(true, &gap, &none), [gaps.as_slice(), &["nothing is missing but these gaps"]].concat());
    }
}
