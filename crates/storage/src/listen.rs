//! Hearing of what other processes stored: notifications of PostgreSQL. No other process uses a SQLite file.

use std::time::Duration;

use sqlx::postgres::PgListener;

use crate::engine::within;
use crate::failure::Failure;
use crate::postgres;
use crate::store::{Pools, Storage};

/// A connection of its own that hears what writes told by [`Write::notify`](crate::Write::notify).
#[derive(Debug)]
pub struct Listener(PgListener);

impl Storage {
    /// Listens to `channels` from here on; none if no other process can use the store.
    pub async fn listen(&self, channels: &[&'static str]) -> Result<Option<Listener>, Failure> {
        let Pools::Postgres(pool) = self.pools() else { return Ok(None) };
        let timeout = self.ground.timeout();
        // Apart from the others: it is held as long as the process lives.
        let own = postgres::pool(&pool.connect_options(), 1, &self.ground);
        let listening = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.listen_all(channels.iter().copied()).await?;
            Ok(Listener(listener))
        };
        within(timeout, listening).await.map(Some)
    }
}

impl Listener {
    /// Waits until something was told since this was asked last, and at most `limit`. An error says that the connection is lost,
    /// and anything may have been missed.
    pub async fn heard(&mut self, limit: Duration) -> Result<(), Failure> {
        match tokio::time::timeout(limit, self.0.try_recv()).await {
            // The connection was lost and made again; whoever looks now misses nothing.
            Err(_) | Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(Failure::of(&error)),
            // However many have come meanwhile, one look is enough.
            Ok(Ok(Some(_))) => while self.0.next_buffered().is_some() {},
        }
        Ok(())
    }
}
