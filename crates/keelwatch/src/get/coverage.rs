//! `keelwatch get coverage`.
//!
//! Owns the columns: one line a source, then what is missing and why.

use std::fmt::Write;

use findings::wire::{Coverage, SourceCoverage, Staleness};
use serde_json::Value;

use super::{age, as_document, client, columns, or_dash};
use crate::cli::GetCoverage;

const HEADER: [&str; 8] = ["SOURCE", "SCOPES", "FRESH", "STALE", "FAILED", "NEVER", "OLDEST LOOK", "COMPLETE"];

/// Asks what was looked at and writes it.
pub(super) async fn get(args: &GetCoverage) -> anyhow::Result<String> {
    let client = client(&args.connection)?;
    let answer: Value = client.get("/api/v1/coverage", &[]).await?;
    if let Some(document) = as_document(&answer, args.output)? {
        return Ok(document);
    }
    let Coverage { complete, sources, full, refused: _ } = serde_json::from_value(answer)?;
    let looking: Vec<&SourceCoverage> = sources.iter().filter(|source| source.looks).collect();
    let mut text = columns(&HEADER, looking.iter().map(|source| row(source)).collect(), args.output);
    let scopes: Vec<Vec<String>> = looking.iter().flat_map(|source| scopes(source)).collect();
    if !scopes.is_empty() {
        let header = ["NOT FRESH", "SCOPE", "STATE", "WHY", "LAST LOOK"];
        let _ = write!(text, "\n{}", columns(&header, scopes, args.output));
    }
    let gaps: Vec<Vec<String>> = looking.iter().flat_map(|source| gaps(source)).collect();
    if !gaps.is_empty() {
        let _ = write!(text, "\n{}", columns(&["GAP OF", "WHAT", "WHY", "COUNT"], gaps, args.output));
    }
    if full {
        text.push_str(
            "\nthere is no room for more findings (findings.max_findings): the least severe new ones are refused\n",
        );
    }
    let verdict = if complete { "nothing is missing" } else { "incomplete: no finding does not mean clean" };
    let _ = writeln!(text, "\n{verdict}");
    Ok(text)
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
