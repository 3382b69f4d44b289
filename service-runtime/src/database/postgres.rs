//! What is PostgreSQL's own: its pool, and what each connection is told.

use std::{future::Future, time::Duration};

use sqlx::{
    AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _, any::AnyPoolOptions,
};

use super::{ACQUIRE_TIMEOUT, DatabaseConfig, Engine, Migrations, OpenError, options};

/// What every connection is told: no statement and no lock is waited for longer than a guest waits, a transaction that
/// was left behind ends by itself, and the statements of the stores count on this isolation, whatever the server's is.
const SETUP: &str = "SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
                     SET idle_in_transaction_session_timeout = '10s'; \
                     SET default_transaction_isolation = 'read committed'";

/// A connection that has rested for longer is asked first whether it is still there: the server may have been replaced.
/// A busy one is not asked, which would be a round trip per statement.
const RESTED: Duration = Duration::from_secs(1);

/// The one pool, for readers and writers alike.
pub(super) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<AnyPool, OpenError> {
    let mut connection = connect(config).await?;
    in_time(migrations.check(&mut connection)).await?;
    // The answer has been given; how the server takes the farewell changes nothing.
    drop(connection.close().await);
    let pool = AnyPoolOptions::new()
        .max_connections(config.connections())
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(async { connection.execute(SETUP).await.map(drop) }));
    Ok(pool.connect_with(options(config.url())?).await?)
}

/// Brings the tables up to date, and says what was done. Without the limits of requests: a large table takes its time.
pub(super) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let mut connection = connect(config).await?;
    let applied = migrations.apply(&mut connection, Engine::Postgres).await?;
    drop(connection.close().await);
    Ok(applied)
}

async fn connect(config: &DatabaseConfig) -> Result<AnyConnection, OpenError> {
    let options = options(config.url())?;
    in_time(async { Ok(options.connect().await?) }).await
}

async fn in_time<T>(call: impl Future<Output = Result<T, OpenError>>) -> Result<T, OpenError> {
    tokio::time::timeout(ACQUIRE_TIMEOUT, call).await.unwrap_or(Err(OpenError::Silent))
}
