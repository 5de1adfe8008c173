//! One open watch: lines as they come.
//!
//! Owns reading as much as is there at once, so that an observer takes its lock once for all of it.

use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;

use super::decode::{self, Line};
use super::framing::{Framing, LINE_BYTES};
use crate::cluster::CallError;
use crate::resource::Observed;

/// Input that is decoded before it is told and others have their turn: less than a millisecond of work, and 25 pods, which the
/// processor's cache still holds when they are taken in.
const BATCH_BYTES: usize = 128 * 1024;

/// An answer to a watch request.
#[derive(Debug)]
pub(super) struct Stream {
    body: Body,
    framing: Framing,
    /// When it was opened, monotonic.
    pub(super) opened: Duration,
    /// How it ended; told after the lines that came before.
    end: Option<End>,
}

/// How a watch ended.
#[derive(Debug)]
pub(super) enum End {
    /// The server closed it after a whole line.
    Closed,
    /// Something went wrong.
    Failed(CallError),
}

impl Stream {
    pub(super) fn new(body: Body, opened: Duration) -> Self {
        Self { body, framing: Framing::default(), opened, end: None }
    }

    /// The next lines, at least one; or how it ended, which it also does when no line comes for as long as `patience`.
    pub(super) async fn next<K: Observed>(&mut self, patience: Duration) -> Result<Vec<Line<K>>, End> {
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        let silent = End::Failed(CallError::Silent(patience));
        match tokio::time::timeout(patience, self.gather()).await {
            Ok(lines) if lines.is_empty() => Err(self.end.take().unwrap_or(silent)),
            Ok(lines) => Ok(lines),
            Err(_) => Err(silent),
        }
    }

    /// Lines until there is at least one and no more input is there, or it ended.
    async fn gather<K: Observed>(&mut self) -> Vec<Line<K>> {
        let mut lines = Vec::new();
        let mut bytes = 0;
        while self.end.is_none() && bytes < BATCH_BYTES {
            let frame = if lines.is_empty() {
                self.body.frame().await
            } else {
                tokio::select! {
                    biased;
                    frame = self.body.frame() => frame,
                    () = std::future::ready(()) => break,
                }
            };
            bytes += self.take(frame, &mut lines);
        }
        lines
    }

    fn take<K: Observed>(
        &mut self,
        frame: Option<Result<hyper::body::Frame<bytes::Bytes>, kube::Error>>,
        lines: &mut Vec<Line<K>>,
    ) -> usize {
        let data = match frame {
            None if self.framing.is_within_a_line() => {
                self.end = Some(End::Failed(CallError::Garbled("the watch ended inside a line".to_owned())));
                return 0;
            }
            None => {
                self.end = Some(End::Closed);
                return 0;
            }
            Some(Err(error)) => {
                self.end = Some(End::Failed(CallError::Broken(error)));
                return 0;
            }
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if self.framing.push(&data, |line| lines.push(decode::line(line))).is_err() {
            let words = format!("a line of the watch has more than {LINE_BYTES} bytes");
            self.end = Some(End::Failed(CallError::Garbled(words)));
        }
        data.len()
    }
}
