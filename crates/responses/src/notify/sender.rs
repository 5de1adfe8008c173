//! The senders of all types of notifiers that have a queue.

use std::sync::Arc;
use std::time::Duration;

use kubeio::write::Incidents;

use super::answer::Outcome;
use super::desk::{Desk, Orders};
use super::http::Http;
use super::message::Message;
use super::queue::Deliver;
use super::settings::{NotifierKind, NotifierSettings};
use super::{event, lark, webhook};
use crate::Lead;

/// Repetitions come an hour after the Event was announced; how long that one took to be written does not count.
const EVENT_EVERY: Duration = Duration::from_mins(50);

/// Sends the messages of one notifier, whatever its type is.
pub(crate) struct Sender {
    desk: Arc<Desk>,
    http: Http,
    incidents: Incidents,
}

impl Sender {
    /// A sender without a connection.
    pub(crate) fn new(desk: &Arc<Desk>) -> Self {
        let incidents = Incidents::new(&desk.reporter, EVENT_EVERY);
        Self { desk: Arc::clone(desk), http: Http::new(&desk.clock, 1), incidents }
    }
}

impl Deliver for Sender {
    async fn deliver(
        &mut self,
        lead: &Lead,
        settings: &NotifierSettings,
        orders: &Orders,
        message: &Message,
    ) -> Outcome {
        let now = self.desk.now();
        match settings.kind {
            NotifierKind::Lark => lark::send(&mut self.http, settings, &orders.around, message, now).await,
            NotifierKind::Webhook => webhook::send(&mut self.http, settings, &orders.around, message, now).await,
            NotifierKind::Event => {
                let cluster = self.desk.cluster.as_ref();
                event::send(&mut self.incidents, cluster, lead, &orders.around, message).await
            }
            // It has no queue.
            NotifierKind::Alertmanager => Outcome::Never { why: "Alertmanager is told by alerts".to_owned() },
        }
    }
}
