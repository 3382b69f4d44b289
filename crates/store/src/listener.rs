//! `LISTEN`: how one replica hears at once what another has written down. It makes hearing faster and nothing more: what
//! is heard says only that there is news, and whoever relies on news also looks by himself.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;

use crate::{
    config::DatabaseConfig,
    database::{Database, Inner},
    limits::ACQUIRE_TIMEOUT,
};
use service_runtime::api_error::error_chain;

/// How long a lost connection stays lost; meanwhile others' news are found by looking.
const RECONNECT: Duration = Duration::from_millis(500);

impl Database {
    /// Wakes `heard` at every `NOTIFY` on `channel`, and whenever some may have been missed; for ever. In SQLite nobody
    /// notifies.
    pub async fn listen(&self, channel: &'static str, heard: &Notify) {
        let Inner::Postgres(_, config) = &self.0 else {
            return std::future::pending().await;
        };
        let mut is_heard = true;
        loop {
            let lost = match listen_once(config, channel, heard, &mut is_heard).await {
                Ok(()) => "the connection was closed".to_owned(),
                Err(error) => error_chain(&error),
            };
            if is_heard {
                tracing::warn!(
                    channel,
                    cause = lost,
                    "notifications are not heard; the store is looked at instead"
                );
                is_heard = false;
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }
}

async fn listen_once(
    config: &DatabaseConfig,
    channel: &'static str,
    heard: &Notify,
    is_heard: &mut bool,
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
    if !*is_heard {
        tracing::info!(channel, "notifications are heard again");
        *is_heard = true;
    }
    // What was said before this connection listened.
    heard.notify_one();
    while listener.try_recv().await?.is_some() {
        heard.notify_one();
    }
    Ok(())
}
