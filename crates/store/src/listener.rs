//! PostgreSQL `LISTEN`: replicas learn of each other's changes without a polling delay. Only an accelerator: subscribers
//! also poll.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::{
    config::DatabaseConfig,
    database::{Database, Inner},
    limits::ACQUIRE_TIMEOUT,
};
use service_runtime::api_error::error_chain;

/// Delay before reconnecting; subscribers poll meanwhile.
const RECONNECT: Duration = Duration::from_millis(500);

/// What a listener is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification<'a> {
    /// A `NOTIFY` with its payload.
    Received(&'a str),
    /// The listener has connected; earlier notifications may have been missed.
    Connected,
}

impl Database {
    /// Calls `notify` at every `NOTIFY` on `channel`, and after connecting. Never returns. Does nothing on SQLite.
    pub async fn listen(&self, channel: &'static str, notify: impl Fn(Notification<'_>)) {
        let Inner::Postgres(_, config) = &self.0 else {
            return std::future::pending().await;
        };
        let mut is_connected = true;
        loop {
            let cause = match listen_once(config, channel, &notify, &mut is_connected).await {
                Ok(()) => "the connection was closed".to_owned(),
                Err(error) => error_chain(&error),
            };
            if is_connected {
                tracing::warn!(channel, cause, "notification listener disconnected, falling back to polling");
                is_connected = false;
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }
}

async fn listen_once(
    config: &DatabaseConfig,
    channel: &'static str,
    notify: &impl Fn(Notification<'_>),
    is_connected: &mut bool,
) -> Result<(), sqlx::Error> {
    let options: PgConnectOptions = config.url().parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    if !*is_connected {
        tracing::info!(channel, "notification listener reconnected");
        *is_connected = true;
    }
    // Notifications sent before this connection listened were missed.
    notify(Notification::Connected);
    while let Some(notification) = listener.try_recv().await? {
        notify(Notification::Received(notification.payload()));
    }
    Ok(())
}
