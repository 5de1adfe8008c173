//! What a changed file changes while the controller runs.

use runtime::settings::Live;
use runtime::shutdown::Stop;
use runtime::telemetry::Telemetry;
use web::Server;

use super::parts::Parts;
use crate::settings::Settings;

/// Everything that takes changed settings.
pub(super) struct Reloads {
    pub(super) live: Live<Settings>,
    pub(super) log: Telemetry,
    pub(super) server: Server,
    pub(super) parts: Parts,
}

impl Reloads {
    /// Applies each change until the stop.
    pub(super) async fn run(self, stop: Stop) {
        let mut changes = self.live.subscribe();
        loop {
            tokio::select! {
                () = stop.requested() => return,
                next = changes.changed() => if next.is_err() { return },
            }
            self.apply();
        }
    }

    fn apply(&self) {
        let settings = self.live.current();
        self.log.apply(&settings.log);
        self.server.apply(&settings.listen, &settings.auth);
        self.parts.apply(&settings);
    }
}
