//! What is PostgreSQL's own: its pool, what each connection is told, and how a statement goes there and back.

use std::{future::Future, time::Duration};

use sqlx::{
    Column as _, ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool, Row as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};

use crate::{
    config::{DatabaseConfig, Engine},
    error::{DatabaseError, OpenError},
    limits::ACQUIRE_TIMEOUT,
    migrations::Migrations,
    statement::{Outcome, Rows, Statement, Value},
};

/// What every connection is told: no statement and no lock is waited for longer than a guest waits, a transaction that
/// was left behind ends by itself, and the statements of the stores count on this isolation, whatever the server's is.
const SETUP: &str = "SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
                     SET idle_in_transaction_session_timeout = '10s'; \
                     SET default_transaction_isolation = 'read committed'";

/// A connection that has rested for longer is asked first whether it is still there: the server may have been replaced.
/// A busy one is not asked, which would be a round trip per statement.
const RESTED: Duration = Duration::from_secs(1);

/// The one pool, for readers and writers alike.
pub(crate) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<PgPool, OpenError> {
    let mut connection = connect(config).await?;
    in_time(migrations.check(&mut connection)).await?;
    // The answer has been given; how the server takes the farewell changes nothing.
    drop(connection.close().await);
    let pool = PgPoolOptions::new()
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
    Ok(pool.connect_with(options(config)?).await.map_err(DatabaseError::from)?)
}

/// Brings the tables up to date, and says what was done. Without the limits of requests: a large table takes its time.
pub(crate) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let mut connection = connect(config).await?;
    let applied = migrations.apply(&mut connection).await?;
    drop(connection.close().await);
    Ok(applied)
}

/// Runs a statement that is a transaction of its own.
pub(crate) async fn read(pool: &PgPool, statement: Statement) -> Result<Rows, DatabaseError> {
    Ok(outcome(&mut *pool.acquire().await?, statement).await?.rows)
}

/// Runs statements, all of them or none. One alone is a transaction of its own, which saves two round trips.
pub(crate) async fn write(pool: &PgPool, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(statements.len());
    let statements = match <[Statement; 1]>::try_from(statements) {
        Ok([alone]) => return Ok(vec![outcome(&mut *pool.acquire().await?, alone).await?]),
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
    let mut query = sqlx::query(statement.sql.of(Engine::Postgres));
    for value in statement.values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
            Value::Null => query.bind(None::<String>),
        };
    }
    let (mut affected, mut columns, mut values) = (0, 0, Vec::new());
    let mut given = connection.fetch_many(query);
    while let Some(next) = std::future::poll_fn(|context| given.as_mut().poll_next(context)).await {
        match next? {
            sqlx::Either::Left(done) => affected += done.rows_affected(),
            sqlx::Either::Right(row) => {
                columns = row.len();
                for column in 0..columns {
                    values.push(value(&row, column)?);
                }
            }
        }
    }
    Ok(Outcome { rows: Rows::new(columns, values), affected })
}

fn value(row: &PgRow, column: usize) -> Result<Value, DatabaseError> {
    if row.try_get_raw(column)?.is_null() {
        return Ok(Value::Null);
    }
    match row.column(column).type_info().name() {
        "TEXT" => Ok(Value::Text(row.try_get(column)?)),
        "INT8" => Ok(Value::Integer(row.try_get(column)?)),
        // What a function gives that gives nothing.
        "VOID" => Ok(Value::Null),
        _ => Err(DatabaseError::Malformed(column)),
    }
}

async fn connect(config: &DatabaseConfig) -> Result<PgConnection, OpenError> {
    let options = options(config)?;
    in_time(async { Ok(options.connect().await.map_err(DatabaseError::from)?) }).await
}

async fn in_time<T>(call: impl Future<Output = Result<T, OpenError>>) -> Result<T, OpenError> {
    tokio::time::timeout(ACQUIRE_TIMEOUT, call).await.unwrap_or(Err(OpenError::Silent))
}

fn options(config: &DatabaseConfig) -> Result<PgConnectOptions, OpenError> {
    config.url().parse().map_err(|_| OpenError::Url)
}
