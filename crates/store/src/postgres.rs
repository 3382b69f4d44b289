//! PostgreSQL: the pool, the setup of connections, and running statements.

use std::{future::Future, time::Duration};

use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool,
    Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};

use crate::{
    config::{DatabaseConfig, Engine},
    error::{DatabaseError, OpenError},
    limits::ACQUIRE_TIMEOUT,
    migrations::Migrations,
    statement::{Outcome, Rows, Statement, Value},
};

/// Setup of every connection: statements and locks time out no later than a guest's request, abandoned transactions end
/// by themselves, and the isolation level is the one that the stores' statements rely on, whatever the server's
/// default.
const SETUP: &str = "SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
                     SET idle_in_transaction_session_timeout = '10s'; \
                     SET default_transaction_isolation = 'read committed'";

/// A connection idle for longer is pinged before use, since the server may have been replaced. A ping before every use
/// would cost a round trip per statement.
const PING_AFTER: Duration = Duration::from_secs(1);

/// Opens the pool, for reads and writes.
pub(crate) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<PgPool, OpenError> {
    let mut connection = connect(config).await?;
    within_deadline(migrations.check(&mut connection)).await?;
    // The check is done; an error while closing is irrelevant.
    drop(connection.close().await);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections())
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > PING_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(async { connection.execute(SETUP).await.map(drop) }));
    Ok(pool.connect_with(options(config)?).await.map_err(DatabaseError::from)?)
}

/// Applies missing migrations; returns their names. Without the timeouts of requests, since migrating a large table
/// takes long.
pub(crate) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let mut connection = connect(config).await?;
    let applied = migrations.apply(&mut connection).await?;
    drop(connection.close().await);
    Ok(applied)
}

/// Vacuums tables, on a connection of its own: without the timeouts of requests, and not in a transaction.
pub(crate) async fn vacuum(config: &DatabaseConfig, tables: &[&'static str]) -> Result<(), DatabaseError> {
    let options = options(config).map_err(|_| DatabaseError::Closed)?;
    let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
    let mut connection = connected.map_err(|_| DatabaseError::Timeout)??;
    for table in tables {
        connection.execute(AssertSqlSafe(format!("VACUUM {table}"))).await?;
    }
    // The work is done; an error while closing is irrelevant.
    drop(connection.close().await);
    Ok(())
}

/// Runs a statement in its own transaction.
pub(crate) async fn read(pool: &PgPool, statement: Statement) -> Result<Rows, DatabaseError> {
    Ok(outcome(&mut *pool.acquire().await?, statement).await?.rows)
}

/// Runs statements in one transaction. A single one is its own transaction, which saves two round trips.
pub(crate) async fn write(pool: &PgPool, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(statements.len());
    let statements = match <[Statement; 1]>::try_from(statements) {
        Ok([single]) => return Ok(vec![outcome(&mut *pool.acquire().await?, single).await?]),
        Err(several) => several,
    };
    let mut transaction = pool.begin().await?;
    for statement in statements {
        let should_run = statement.should_run(outcomes.last());
        outcomes.push(if should_run {
            outcome(&mut transaction, statement).await?
        } else {
            Outcome::default()
        });
    }
    transaction.commit().await?;
    Ok(outcomes)
}

async fn outcome(connection: &mut PgConnection, statement: Statement) -> Result<Outcome, DatabaseError> {
    let mut query = sqlx::query(statement.sql.text(Engine::Postgres));
    for value in statement.values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
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
