//! Entries of histories that are no transitions: what responses did, and scans of images.

use std::collections::HashMap;

use api::{Fingerprint, Time};
use storage::Failure;

use super::Writer;
use crate::event::{Event, Note};
use crate::findings::{Done, Inner, Pen, StoreError};
use crate::tables::{self, Numbers};

/// Findings whose last responses are remembered; of more, the store is asked again.
const REMEMBERED: usize = 10_000;

impl Writer {
    pub(super) async fn entries(
        &mut self,
        inner: &Inner,
        pen: &mut Pen,
        entries: &[(String, Time, Event)],
    ) -> Result<Done, StoreError> {
        if !entries.is_empty() {
            let numbers = Numbers::from(pen.at);
            self.write(tables::note(entries, numbers)).await?;
            pen.at.moved(numbers.with(entries.len()));
            inner.knows(&pen.at);
            inner.wake();
        }
        Ok(Done::default())
    }

    /// Adds what is not what the same response did last to the same object.
    pub(super) async fn notes(&mut self, inner: &Inner, pen: &mut Pen, notes: &[Note]) -> Result<Done, StoreError> {
        let mut entries = Vec::new();
        let mut news: HashMap<Fingerprint, Vec<Event>> = HashMap::new();
        for Note { fingerprint, at, response, did, object, reason } in notes {
            if inner.ask(|book| book.get(fingerprint).is_none()) {
                continue;
            }
            if !news.contains_key(fingerprint) {
                news.insert(fingerprint.clone(), self.last_responses(inner, fingerprint).await?);
            }
            let last = news.get_mut(fingerprint).expect("it was put there");
            let (response, object, reason) = (response.clone(), object.clone(), reason.clone());
            let event = Event::Response { response, did: *did, object, reason };
            if last.contains(&event) {
                continue;
            }
            last.retain(|former| !is_of_same_object(former, &event));
            last.push(event.clone());
            entries.push((fingerprint.as_str().to_owned(), *at, event));
        }
        let done = self.entries(inner, pen, &entries).await?;
        if self.responses.len() > REMEMBERED {
            self.responses.clear();
        }
        self.responses.extend(news);
        Ok(done)
    }

    /// What each response did last to each object.
    async fn last_responses(&self, inner: &Inner, of: &Fingerprint) -> Result<Vec<Event>, Failure> {
        if let Some(known) = self.responses.get(of) {
            return Ok(known.clone());
        }
        let limit = inner.settings().history;
        let mut last: Vec<Event> = Vec::new();
        for entry in tables::history(&inner.storage, &[of.as_str()], limit).await? {
            let is_news = !last.iter().any(|later| is_of_same_object(later, &entry.event));
            if matches!(entry.event, Event::Response { .. }) && is_news {
                last.push(entry.event);
            }
        }
        Ok(last)
    }
}

fn is_of_same_object(one: &Event, other: &Event) -> bool {
    match (one, other) {
        (
            Event::Response { response, object, .. },
            Event::Response { response: other_response, object: other_object, .. },
        ) => response == other_response && object == other_object,
        _ => false,
    }
}
