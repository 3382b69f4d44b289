//! PostgreSQL: the setup of connections, and running statements on the pool.

mod pool;

use std::{future::Future, time::Duration};

use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgConnectOptions, PgRow},
};

pub use self::pool::{Idempotency, PostgresPool};

use crate::{
    config::{DatabaseConfig, Engine},
    error::{DatabaseError, OpenError},
    limits::{ACQUIRE_TIMEOUT, STATEMENT_TIMEOUT, within},
    migrations::Migrations,
    statement::{Outcome, Rows, Statement, Value},
};

/// Setup of the pool's connections: statements and locks time out no later than a guest's request, abandoned
/// transactions end by themselves, and the isolation level is the one that the stores' statements rely on, whatever the
/// server's default.
const SETUP: &str = "SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
                     SET idle_in_transaction_session_timeout = '10s'; \
                     SET default_transaction_isolation = 'read committed'";

/// TCP keep-alive, for every connection: firewalls do not forget a connection that is idle, and the server notices a
/// client that is gone. The server sends it, because sqlx has no setting for its own sockets.
pub(crate) const KEEP_ALIVE: &str = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; \
                                     SET tcp_keepalives_count = 3";

/// Maximum duration of `VACUUM`: a silent connection must not stop later runs.
const VACUUM_TIMEOUT: Duration = Duration::from_secs(3600);

/// Opens the pool, for reads and writes.
pub(crate) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<PostgresPool, OpenError> {
    let mut connection = connect(config).await?;
    within_deadline(migrations.check(&mut connection)).await?;
    // The check is done; an error while closing is irrelevant.
    drop(connection.close().await);
    Ok(PostgresPool::open(options(config)?, config.connections()).await?)
}

/// Sets up a new connection of the pool.
async fn setup(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(SETUP).await?;
    connection.execute(KEEP_ALIVE).await.map(drop)
}

/// Applies missing migrations; returns their names. Without the timeouts of requests, since migrating a large table
/// takes long.
pub(crate) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let mut connection = connect(config).await?;
    connection.execute(KEEP_ALIVE).await.map_err(DatabaseError::from)?;
    let applied = migrations.apply(&mut connection).await?;
    drop(connection.close().await);
    Ok(applied)
}

/// Vacuums tables, on a connection of its own: without the timeouts of requests, and not in a transaction.
pub(crate) async fn vacuum(config: &DatabaseConfig, tables: &[&'static str]) -> Result<(), DatabaseError> {
    let options = options(config).map_err(|_| DatabaseError::Closed)?;
    let mut connection = within(ACQUIRE_TIMEOUT, async { Ok(options.connect().await?) }).await?;
    within(VACUUM_TIMEOUT, async {
        connection.execute(KEEP_ALIVE).await?;
        for table in tables {
            connection.execute(AssertSqlSafe(format!("VACUUM {table}"))).await?;
        }
        Ok(())
    })
    .await?;
    // The work is done; an error while closing is irrelevant.
    drop(connection.close().await);
    Ok(())
}

/// Runs a read-only statement in its own transaction.
pub(crate) async fn read(pool: &PostgresPool, statement: Statement) -> Result<Rows, DatabaseError> {
    let mut attempts = pool.attempts(Idempotency::Idempotent);
    loop {
        let mut lease = attempts.connection().await?;
        let result = outcome(lease.connection()?, &statement).await;
        if let Some(result) = attempts.finish(lease, result) {
            return Ok(result?.rows);
        }
    }
}

/// Runs statements in one transaction. A single one is its own transaction, which saves two round trips. So is one that
/// only runs if the first had no effect.
pub(crate) async fn write(
    pool: &PostgresPool,
    idempotency: Idempotency,
    statements: Vec<Statement>,
) -> Result<Vec<Outcome>, DatabaseError> {
    let mut attempts = pool.attempts(idempotency);
    loop {
        let mut lease = attempts.connection().await?;
        let result = match &statements[..] {
            [_] => run_in_order(lease.connection()?, &statements).await,
            [_, alternative] if alternative.is_alternative() => {
                run_in_order(lease.connection()?, &statements).await
            }
            several => transaction(lease.connection()?, several).await,
        };
        if let Some(result) = attempts.finish(lease, result) {
            return result;
        }
    }
}

async fn transaction(
    connection: &mut PgConnection,
    statements: &[Statement],
) -> Result<Vec<Outcome>, DatabaseError> {
    let mut transaction = within(STATEMENT_TIMEOUT, async { Ok(connection.begin().await?) }).await?;
    let outcomes = run_in_order(&mut transaction, statements).await?;
    within(STATEMENT_TIMEOUT, async { Ok(transaction.commit().await?) }).await?;
    Ok(outcomes)
}

async fn run_in_order(
    connection: &mut PgConnection,
    statements: &[Statement],
) -> Result<Vec<Outcome>, DatabaseError> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(statements.len());
    for statement in statements {
        let should_run = statement.should_run(outcomes.last());
        outcomes.push(if should_run { outcome(connection, statement).await? } else { Outcome::default() });
    }
    Ok(outcomes)
}

async fn outcome(connection: &mut PgConnection, statement: &Statement) -> Result<Outcome, DatabaseError> {
    within(STATEMENT_TIMEOUT, run(connection, statement)).await
}

async fn run(connection: &mut PgConnection, statement: &Statement) -> Result<Outcome, DatabaseError> {
    let mut query = sqlx::query(statement.sql.text(Engine::Postgres));
    for value in &statement.values {
        query = match value {
            Value::Text(text) => query.bind(text.as_str()),
            Value::Integer(integer) => query.bind(*integer),
            Value::Null => query.bind(None::<String>),
        };
    }
    let (mut affected, mut columns, mut values): (_, &[String], _) = (0, &[], Vec::new());
    let mut results = connection.fetch_many(query);
    while let Some(next) = std::future::poll_fn(|context| results.as_mut().poll_next(context)).await {
        match next? {
            sqlx::Either::Left(done) => affected += done.rows_affected(),
            sqlx::Either::Right(row) => {
                let names = || row.columns().iter().map(|column| column.name().to_owned()).collect();
                columns = statement.sql.columns(names);
                for (index, column) in columns.iter().enumerate() {
                    values.push(value(&row, index, column)?);
                }
            }
        }
    }
    Ok(Outcome { rows: Rows::new(columns, values), affected })
}

fn value(row: &PgRow, index: usize, column: &str) -> Result<Value, DatabaseError> {
    if row.try_get_raw(index)?.is_null() {
        return Ok(Value::Null);
    }
    match row.column(column).type_info().name() {
        "TEXT" => Ok(Value::Text(row.try_get(column)?)),
        "INT8" => Ok(Value::Integer(row.try_get(column)?)),
        // The result of a function without a result.
        "VOID" => Ok(Value::Null),
        _ => Err(DatabaseError::Malformed(column.to_owned())),
    }
}

async fn connect(config: &DatabaseConfig) -> Result<PgConnection, OpenError> {
    let options = options(config)?;
    within_deadline(async { Ok(options.connect().await.map_err(DatabaseError::from)?) }).await
}

async fn within_deadline<T>(call: impl Future<Output = Result<T, OpenError>>) -> Result<T, OpenError> {
    tokio::time::timeout(ACQUIRE_TIMEOUT, call).await.unwrap_or(Err(OpenError::Timeout))
}

fn options(config: &DatabaseConfig) -> Result<PgConnectOptions, OpenError> {
    config.url().parse().map_err(|_| OpenError::Url)
}
