//! The number that a leader's writes carry, so that no leader of the past can write.
//!
//! Owns taking numbers. Who leads is `kubeio`'s to say: it comes in as a question.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::failure::Failure;
use crate::statement::{Statement, Write, Written};
use crate::store::Storage;

/// A leader's number. The database refuses a write with a lower one than the last that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(i64);

/// The time in which this process leads: writes through it carry its number.
pub struct Term {
    storage: Storage,
    leads: Box<dyn Fn() -> bool + Send + Sync>,
    fence: Mutex<Fence>,
    /// Held while a new number is taken, so that those who write under this term agree on one.
    renewal: tokio::sync::Mutex<()>,
}

impl Fence {
    /// The number; batches are ordered by it.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl Storage {
    /// Takes the next number. From here on, writes with an earlier one are refused.
    async fn take_fence(&self) -> Result<Fence, Failure> {
        const NEXT: &str = "UPDATE fence SET number = number + 1 WHERE id = 1 RETURNING number";
        let written = self.write(Write::new().then(Statement::new(NEXT))).await?;
        match written.rows(0) {
            [row] => Ok(Fence(row.int(0)?)),
            _ => Err(Failure::unexpected(0, "number of a leader")),
        }
    }
}

impl Term {
    /// Begins by taking a number. `leads` is asked before each write and must not wait.
    pub async fn begin(storage: &Storage, leads: impl Fn() -> bool + Send + Sync + 'static) -> Result<Self, Failure> {
        if !leads() {
            return Err(Failure::NotLeading);
        }
        let fence = Mutex::new(storage.take_fence().await?);
        Ok(Self { storage: storage.clone(), leads: Box::new(leads), fence, renewal: tokio::sync::Mutex::default() })
    }

    /// The number in use.
    pub fn fence(&self) -> Fence {
        *self.fence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process leads now.
    pub fn leads(&self) -> bool {
        (self.leads)()
    }

    /// Stores `write` under the number. Refused as `Fenced` while this process still leads, it has taken a new number: what
    /// another leader stored meanwhile is to be read, and the write decided again.
    pub async fn write(&self, write: Write) -> Result<Written, Failure> {
        self.write_as(self.fence(), write).await
    }

    /// The same under the number that was in use when what was decided by was read: another user of this term may have taken a
    /// new one since.
    pub async fn write_as(&self, fence: Fence, write: Write) -> Result<Written, Failure> {
        if !self.leads() {
            return Err(Failure::NotLeading);
        }
        let ended = self.storage.write(write.fenced(fence)).await;
        if matches!(ended, Err(Failure::Fenced { .. })) && self.leads() {
            self.renew(fence).await?;
        }
        ended
    }

    /// Takes a number instead of `refused`, unless somebody else has.
    async fn renew(&self, refused: Fence) -> Result<(), Failure> {
        let _turn = self.renewal.lock().await;
        if self.fence() == refused {
            let fence = self.storage.take_fence().await?;
            *self.fence.lock().unwrap_or_else(PoisonError::into_inner) = fence;
        }
        Ok(())
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term").field("fence", &self.fence()).finish_non_exhaustive()
    }
}
