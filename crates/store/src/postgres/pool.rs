//! The connection pool of PostgreSQL. It replaces connections that are broken, silent or read-only, and repeats a call
//! once where that is safe. A proxy or firewall may drop an idle connection without a word, and a connection that was
//! opened while the database was read-only stays so.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    Connection as _, FromRow, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::{Query, QueryAs},
};
use tokio::{runtime::Handle, time::timeout};

use super::setup;
use crate::{
    error::{ConnectionFault, DatabaseError},
    limits::{ACQUIRE_TIMEOUT, STATEMENT_TIMEOUT, within},
};

/// A connection idle for longer is pinged before use. Under load none is idle for that long: a ping before every use
/// would cost a round trip per statement.
const PING_AFTER: Duration = Duration::from_millis(100);

/// Deadline of a ping. A third of what FederatedAuthService waits for ScopedAuthService, so that a call that finds its
/// connection silent is answered over a new one.
const PING_TIMEOUT: Duration = Duration::from_millis(300);

/// How often all connections are replaced at most: a database that stays read-only is not flooded with new ones.
const DISTRUST_PERIOD: Duration = Duration::from_secs(1);

/// Whether a call may be executed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Executed twice it has the same effect and result: repeated once if its connection breaks.
    Idempotent,
    /// Repeated only if it was not executed.
    AtMostOnce,
}

/// The pool. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub struct PostgresPool {
    pool: PgPool,
    distrust: Arc<Distrust>,
}

impl PostgresPool {
    /// Opens the first connection.
    pub(crate) async fn open(options: PgConnectOptions, connections: u32) -> Result<Self, DatabaseError> {
        let distrust = Arc::new(Distrust::new());
        let shared = distrust.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            // `false` replaces the connection by a new one within the same acquire.
            .before_acquire(move |connection, meta| {
                let distrust = shared.clone();
                Box::pin(async move {
                    if distrust.covers(meta.age) {
                        return Ok(false);
                    }
                    let is_usable = meta.idle_for <= PING_AFTER || is_responsive(connection).await;
                    if !is_usable {
                        distrust.extend("an idle connection is broken or silent");
                    }
                    Ok(is_usable)
                })
            })
            .after_connect(|connection, _| Box::pin(setup(connection)));
        Ok(Self { pool: pool.connect_with(options).await?, distrust })
    }

    /// Runs a query and returns its rows. `query` builds it, once per attempt.
    pub async fn fetch_all<'q, T>(
        &self,
        idempotency: Idempotency,
        query: impl Fn() -> QueryAs<'q, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, DatabaseError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut attempts = self.attempts(idempotency);
        loop {
            let mut lease = attempts.connection().await?;
            let fetch = async { Ok(query().fetch_all(&mut *lease).await?) };
            let result = within(STATEMENT_TIMEOUT, fetch).await;
            if let Some(result) = attempts.finish(lease, result) {
                return result;
            }
        }
    }

    /// Runs a statement without rows. `query` builds it, once per attempt.
    pub async fn execute<'q>(
        &self,
        idempotency: Idempotency,
        query: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<(), DatabaseError> {
        let mut attempts = self.attempts(idempotency);
        loop {
            let mut lease = attempts.connection().await?;
            let execute = async { Ok(query().execute(&mut *lease).await.map(drop)?) };
            let result = within(STATEMENT_TIMEOUT, execute).await;
            if let Some(result) = attempts.finish(lease, result) {
                return result;
            }
        }
    }

    /// The attempts of a call: one, and one more on another connection if the first was read-only, or broke and the call
    /// is idempotent.
    pub(crate) fn attempts(&self, idempotency: Idempotency) -> Attempts<'_> {
        Attempts { pool: self, idempotency, is_last: false }
    }

    /// Completes running calls and closes all connections.
    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The attempts of a call.
pub(crate) struct Attempts<'a> {
    pool: &'a PostgresPool,
    idempotency: Idempotency,
    is_last: bool,
}

impl Attempts<'_> {
    /// A connection for the next attempt.
    pub(crate) async fn connection(&self) -> Result<Lease, DatabaseError> {
        let connection = self.pool.pool.acquire().await?;
        Ok(Lease { connection, distrust: self.pool.distrust.clone(), state: LeaseState::Running })
    }

    /// Returns the connection to the pool, or closes it. `None` if the call is to be attempted again, otherwise its
    /// result.
    pub(crate) fn finish<T>(
        &mut self,
        mut lease: Lease,
        result: Result<T, DatabaseError>,
    ) -> Option<Result<T, DatabaseError>> {
        let Some(fault) = result.as_ref().err().and_then(DatabaseError::connection_fault) else {
            lease.state = LeaseState::Done;
            return Some(result);
        };
        lease.state = LeaseState::Broken;
        self.pool.distrust.extend(fault.as_str());
        let may_repeat = match fault {
            // A read-only transaction has executed nothing.
            ConnectionFault::ReadOnly => true,
            ConnectionFault::Broken => self.idempotency == Idempotency::Idempotent,
            ConnectionFault::Silent => false,
        };
        if !may_repeat || self.is_last {
            return Some(result);
        }
        self.is_last = true;
        None
    }
}

async fn is_responsive(connection: &mut PgConnection) -> bool {
    timeout(PING_TIMEOUT, connection.ping()).await.is_ok_and(|pinged| pinged.is_ok())
}

/// A connection in use. Its return is bounded: sqlx pings a connection that is returned, without a deadline, so a silent
/// one would keep its place in the pool forever.
pub(crate) struct Lease {
    connection: PoolConnection<Postgres>,
    distrust: Arc<Distrust>,
    state: LeaseState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaseState {
    /// A call is running, or was cancelled.
    Running,
    /// The call is complete.
    Done,
    /// The connection must not be used again.
    Broken,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let limit = match self.state {
            LeaseState::Broken => return self.connection.close_on_drop(),
            LeaseState::Done => PING_TIMEOUT,
            // The server may still be executing the statement.
            LeaseState::Running => STATEMENT_TIMEOUT,
        };
        // Without a runtime the process is about to end.
        let Ok(runtime) = Handle::try_current() else { return };
        let (returned, distrust) = (self.connection.return_to_pool(), self.distrust.clone());
        runtime.spawn(async move {
            // Dropping the future closes the connection.
            if timeout(limit, returned).await.is_err() {
                distrust.extend("a returned connection is silent");
            }
        });
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// Connections opened before a moment are not used again: what broke one of them most likely broke the others.
#[derive(Debug)]
struct Distrust {
    created: Instant,
    /// The moment, in milliseconds from `created`; 0 if all connections are trusted.
    before: AtomicU64,
}

impl Distrust {
    fn new() -> Self {
        Self { created: Instant::now(), before: AtomicU64::new(0) }
    }

    /// Extends the distrust to all connections opened before now, at most once per [`DISTRUST_PERIOD`].
    fn extend(&self, cause: &'static str) {
        let (now, period) = (millis(self.created.elapsed()), millis(DISTRUST_PERIOD));
        let is_due = |before: u64| (before == 0 || now >= before + period).then_some(now.max(1));
        if self.before.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_due).is_ok() {
            tracing::info!(cause, "connections to PostgreSQL are replaced");
        }
    }

    /// Whether a connection of this age is distrusted.
    fn covers(&self, age: Duration) -> bool {
        let opened = millis(self.created.elapsed().saturating_sub(age));
        opened < self.before.load(Ordering::Acquire)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
