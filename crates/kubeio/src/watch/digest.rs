//! From lines to what an observer is told; pure.
//!
//! Owns versions, and what the lines of a watch mean for its going on.

use std::time::Duration;

use super::decode::Line;
use super::{Event, ListMode};
use crate::cluster::Refusal;
use crate::resource::Observed;

/// What lines say.
#[derive(Debug, PartialEq)]
pub(super) struct Digest<K> {
    pub(super) events: Vec<Event<K>>,
    /// The version to go on from, if it moved.
    pub(super) version: Option<String>,
    /// Whether initial events are still awaited.
    pub(super) is_listing: bool,
    /// Why nothing after these lines counts, if so.
    pub(super) end: Option<Verdict>,
    /// Objects that were skipped, with why.
    pub(super) skipped: Vec<String>,
    /// A deletion was unreadable: only a list tells what is gone.
    pub(super) lost_deletion: bool,
}

/// What ends a watch from within.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server says so.
    Refused(Refusal),
    /// A line is no event that is known.
    Unknown(String),
}

/// What the lines say. `listing`: initial events are awaited, and have been for this long.
pub(super) fn digest<K: Observed>(lines: Vec<Line<K>>, listing: Option<Duration>) -> Digest<K> {
    let mut digest = Digest {
        events: Vec::with_capacity(lines.len()),
        version: None,
        is_listing: listing.is_some(),
        end: None,
        skipped: Vec::new(),
        lost_deletion: false,
    };
    for line in lines {
        digest.take(line, listing);
        if digest.end.is_some() {
            break;
        }
    }
    digest
}

impl<K: Observed> Digest<K> {
    fn take(&mut self, line: Line<K>, listing: Option<Duration>) {
        match line {
            Line::Seen(object) => {
                self.moved(object.meta().version);
                self.events.push(Event::Seen(object));
            }
            Line::Deleted(object) => {
                self.moved(object.meta().version);
                self.events.push(Event::Deleted(object));
            }
            Line::Unreadable { who, is_gone, why } => {
                self.moved(&who.resource_version);
                self.lost_deletion |= is_gone;
                self.skipped.push(format!("{}/{}: {why}", who.namespace, who.name));
                self.events.push(Event::Unreadable { namespace: who.namespace, name: who.name });
            }
            Line::Bookmark { version, ends_initial_events } => {
                let ends = self.is_listing && ends_initial_events;
                self.is_listing &= !ends;
                self.moved(&version);
                let listed = Event::Listed { mode: ListMode::Streaming, took: listing.unwrap_or_default() };
                self.events.push(if ends { listed } else { Event::Bookmark });
            }
            Line::Error(refusal) => self.end = Some(Verdict::Refused(refusal)),
            Line::Unknown(words) => self.end = Some(Verdict::Unknown(words)),
        }
    }

    /// Initial events come in no order of versions: only their end says where the list stands.
    fn moved(&mut self, version: &str) {
        if !self.is_listing && !version.is_empty() {
            match &mut self.version {
                Some(newest) => version.clone_into(newest),
                newest @ None => *newest = Some(version.to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Map;
    use crate::watch::decode;

    fn read(lines: &[&str], listing: Option<Duration>) -> Digest<Map> {
        digest(lines.iter().map(|line| decode::line(line.as_bytes())).collect(), listing)
    }

    #[test]
    fn the_version_moves_with_every_line_and_only_at_the_end_of_initial_events() {
        let seen = r#"{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u","resourceVersion":"9"}}}"#;
        let end = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        let listing = Some(Duration::from_secs(1));
        assert_eq!((read(&[seen], None).version.as_deref(), read(&[seen], listing).version), (Some("9"), None));
        let listed = read(&[seen, end], listing);
        assert_eq!((listed.version.as_deref(), listed.is_listing, listed.events.len()), (Some("5"), false, 2));
    }

    #[test]
    fn a_deletion_that_is_not_understood_is_lost_and_nothing_after_an_error_counts() {
        let gone = r#"{"type":"DELETED","object":{"metadata":{"name":"a","uid":"u","resourceVersion":"9"},"data":7}}"#;
        let error = r#"{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}"#;
        let lines = read(&[gone, error, gone], None);
        assert_eq!((lines.lost_deletion, lines.events.len(), lines.version.as_deref()), (true, 1, Some("9")));
        assert!(matches!(lines.end, Some(Verdict::Refused(refusal)) if refusal.code == 410));
    }
}
