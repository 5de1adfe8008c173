//! Which events are logged: `info,pods=debug`.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

/// A level for everything, and levels for some targets and what is below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    level: LevelFilter,
    /// The longest target first.
    targets: Vec<(String, LevelFilter)>,
}

impl Filter {
    /// The filter of `text`, or the part of it that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut general = None;
        let mut targets = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (target, word) =
                part.split_once('=').map_or((None, part), |(target, word)| (Some(target.trim()), word));
            match (target, level(word.trim())) {
                (Some(target), Some(level)) if !target.is_empty() => targets.push((target.to_owned(), level)),
                (None, Some(level)) if general.is_none() => general = Some(level),
                (Some(_) | None, _) => return Err(part.to_owned()),
            }
        }
        targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Ok(Self { level: general.unwrap_or(LevelFilter::INFO), targets })
    }

    /// The filter of `text`, or the default.
    pub(super) fn lenient(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self { level: LevelFilter::INFO, targets: Vec::new() })
    }

    pub(super) fn accepts(&self, metadata: &Metadata<'_>) -> bool {
        let own = self.targets.iter().find(|(target, _)| is_within(metadata.target(), target));
        *metadata.level() <= own.map_or(self.level, |(_, level)| *level)
    }

    /// The most that any target is logged with.
    pub(super) fn most(&self) -> LevelFilter {
        self.targets.iter().map(|(_, level)| *level).fold(self.level, Ord::max)
    }
}

fn level(word: &str) -> Option<LevelFilter> {
    const LEVELS: [(&str, LevelFilter); 5] = [
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    LEVELS.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, level)| level)
}

fn is_within(target: &str, parent: &str) -> bool {
    target.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
