//! Ids of rules as overrides and exemptions give them: exact, or with one trailing `*`.

use super::report::{Report, hint};
use super::rule::{Rule, RuleIndex};

/// The rules of a set, to choose from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Catalog<'r> {
    /// Sorted by id.
    pub(super) rules: &'r [Rule],
    /// Whether all files could be read; if not, an id that is unknown may stand in one that could not.
    pub(super) coverage: Coverage,
}

/// How much is known of a file or of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Coverage {
    #[default]
    Whole,
    Partial,
}

impl Coverage {
    /// Of so many parts, so many are known.
    pub(super) const fn of(known: usize, written: usize) -> Self {
        if known == written { Self::Whole } else { Self::Partial }
    }
}

impl Catalog<'_> {
    /// The rules that the pattern at `path` names, by index.
    pub(super) fn select(self, path: &str, pattern: &str, report: &mut Report<'_>) -> Vec<RuleIndex> {
        let Some(prefix) = pattern.strip_suffix('*') else {
            return self.exact(path, pattern, report);
        };
        if prefix.contains('*') {
            report.fault(path, format!("`{pattern}` has a * before its end (accepted: an id, or one trailing *)"));
            return Vec::new();
        }
        let from = self.rules.partition_point(|rule| rule.id.as_str() < prefix);
        let selected = self.rules[from..].iter().take_while(|rule| rule.id.starts_with(prefix)).count();
        if selected == 0 && self.coverage == Coverage::Whole {
            report.warn(path, format!("`{pattern}` names no rule of the set"));
        }
        (from..from + selected).map(index).collect()
    }

    fn exact(self, path: &str, id: &str, report: &mut Report<'_>) -> Vec<RuleIndex> {
        match (self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)), self.coverage) {
            (Ok(found), _) => vec![index(found)],
            (Err(_), Coverage::Partial) => Vec::new(),
            (Err(_), Coverage::Whole) => {
                let hint = hint(id, self.rules.iter().map(|rule| rule.id.as_str()));
                report.fault(path, format!("no rule has the id `{id}`{hint}"));
                Vec::new()
            }
        }
    }
}

fn index(position: usize) -> RuleIndex {
    RuleIndex(u32::try_from(position).expect("a set has at most 10,000 rules"))
}
