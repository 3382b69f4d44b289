//! PostgreSQL `LISTEN`: replicas learn of each other's changes without a polling delay. Only an accelerator: subscribers
//! also poll.

use std::time::Duration;

use sqlx::{
    Acquire as _, Connection as _, Executor as _,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::time::timeout;

use crate::{
    config::DatabaseConfig,
    database::{Database, Inner},
    error::DatabaseError,
    limits::{ACQUIRE_TIMEOUT, within},
    postgres::KEEP_ALIVE,
};
use service_runtime::api_error::error_chain;

/// Delay before reconnecting; subscribers poll meanwhile.
const RECONNECT: Duration = Duration::from_millis(500);

/// A connection without a notification for this long is pinged: it may be silent without being closed.
const PING_AFTER: Duration = Duration::from_secs(2);

/// Deadline of that ping.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

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
            let ended = listen_once(config, channel, &notify, &mut is_connected).await;
            let cause =
                ended.map_or_else(|error| error_chain(&error), |()| "the connection was closed".to_owned());
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
) -> Result<(), DatabaseError> {
    let mut listener = within(ACQUIRE_TIMEOUT, connect(config, channel)).await?;
    if !*is_connected {
        tracing::info!(channel, "notification listener reconnected");
        *is_connected = true;
    }
    // Notifications sent before this connection listened were missed.
    notify(Notification::Connected);
    loop {
        match timeout(PING_AFTER, listener.try_recv()).await {
            Ok(received) => match received? {
                Some(notification) => notify(Notification::Received(notification.payload())),
                None => return Ok(()),
            },
            Err(_) => {
                let ping = async { Ok(listener.acquire().await?.ping().await?) };
                within(PING_TIMEOUT, ping).await?;
            }
        }
    }
}

async fn connect(config: &DatabaseConfig, channel: &str) -> Result<PgListener, DatabaseError> {
    // Parsed before, when the database was opened.
    let options: PgConnectOptions = config.url().parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| Box::pin(async { connection.execute(KEEP_ALIVE).await.map(drop) }))
        .connect_with(options)
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    Ok(listener)
}
