//! The connection pool of PostgreSQL. It replaces connections that are broken, silent or read-only, and repeats a call
//! once where that is safe. A proxy or firewall may drop an idle connection without a word, and a connection that was
//! opened while the database was read-only stays so.
//!
//! sqlx's own pool pings each connection that is returned to it: one more round trip for each statement.

mod lease;

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, FromRow, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::{Query, QueryAs},
};
use tokio::{
    runtime::{self, Handle},
    sync::Semaphore,
    time::timeout,
};

pub(crate) use self::lease::Lease;
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

/// The maximum age of a connection. The server's memory for a connection grows, and its address may have moved.
const MAX_AGE: Duration = Duration::from_secs(1800);

/// Delay before the next attempt to connect to a server that is starting.
const RECONNECT: Duration = Duration::from_millis(50);

/// Whether a call may be executed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Executed twice it has the same effect and result: repeated once if its connection breaks.
    Idempotent,
    /// Repeated only if it was not executed.
    AtMostOnce,
}

/// The pool. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct PostgresPool(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    connections: u32,
    /// A permit for each connection in use.
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
    is_closed: AtomicBool,
}

/// The idle connections, the last used one last.
#[derive(Default)]
struct Idle {
    connections: Vec<PooledConnection>,
    /// Connections opened before this moment are not used again: what broke one of them most likely broke the others.
    distrusted_before: Option<Instant>,
}

/// A connection of the pool.
struct PooledConnection {
    connection: PgConnection,
    opened: Instant,
    idle_since: Instant,
    /// The runtime that waits for the connection's socket.
    runtime: runtime::Id,
}

impl PostgresPool {
    /// Opens the first connection.
    pub(crate) async fn open(options: PgConnectOptions, connections: u32) -> Result<Self, DatabaseError> {
        let permits = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        let pool = Self(Arc::new(Shared {
            options,
            connections,
            permits: Arc::new(Semaphore::new(permits)),
            idle: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }));
        let first = within(ACQUIRE_TIMEOUT, pool.connect()).await?;
        pool.put_back(first);
        Ok(pool)
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
            let fetch = async { Ok(query().fetch_all(lease.connection()?).await?) };
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
            let execute = async { Ok(query().execute(lease.connection()?).await.map(drop)?) };
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

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// Completes running calls and closes all connections.
    pub(crate) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        // An error if another clone has closed it meanwhile.
        let _all = self.0.permits.acquire_many(self.0.connections).await;
        self.0.permits.close();
        let connections = std::mem::take(&mut self.idle().connections);
        for PooledConnection { connection, .. } in connections {
            // Dropping the future closes the socket.
            drop(timeout(PING_TIMEOUT, connection.close()).await);
        }
    }

    /// An idle connection, or a new one if there is none.
    async fn acquire(&self) -> Result<Lease, DatabaseError> {
        let acquire = async {
            let permit =
                Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| DatabaseError::Closed)?;
            if self.is_closed() {
                return Err(DatabaseError::Closed);
            }
            while let Some(mut idle) = self.take_idle() {
                if idle.idle_since.elapsed() <= PING_AFTER || is_responsive(&mut idle.connection).await {
                    return Ok(Lease::new(self.clone(), permit, idle));
                }
                self.distrust("an idle connection is broken or silent");
            }
            // Boxed: it would enlarge the future of each call.
            Ok(Lease::new(self.clone(), permit, Box::pin(self.connect()).await?))
        };
        within(ACQUIRE_TIMEOUT, acquire).await
    }

    /// Takes the connection that was used last, preferably one whose socket this runtime waits for: each message to
    /// another one wakes two threads. `None` if a new one is to be opened.
    fn take_idle(&self) -> Option<PooledConnection> {
        let here = Handle::current().id();
        let mut idle = self.idle();
        let connections = &mut idle.connections;
        if let Some(place) = connections.iter().rposition(|connection| connection.runtime == here) {
            return Some(connections.remove(place));
        }
        // All permits that are not available are those of connections in use, or about to be.
        if connections.len() < self.0.permits.available_permits() + 1 { None } else { connections.pop() }
    }

    /// Makes a connection available.
    fn put_back(&self, connection: PooledConnection) {
        let mut idle = self.idle();
        let is_distrusted = idle.distrusted_before.is_some_and(|before| connection.opened < before);
        if !is_distrusted && connection.opened.elapsed() < MAX_AGE && !self.is_closed() {
            idle.connections.push(PooledConnection { idle_since: Instant::now(), ..connection });
        }
    }

    /// Connects, as soon as the server has started.
    async fn connect(&self) -> Result<PooledConnection, DatabaseError> {
        loop {
            match self.0.options.connect().await {
                Ok(mut connection) => {
                    setup(&mut connection).await?;
                    let (now, runtime) = (Instant::now(), Handle::current().id());
                    return Ok(PooledConnection { connection, opened: now, idle_since: now, runtime });
                }
                Err(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(sqlx::Error::Database(error)) if error.is_transient_in_connect_phase() => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    /// Closes all connections that were opened before now, at most once per [`DISTRUST_PERIOD`].
    fn distrust(&self, cause: &'static str) {
        let mut idle = self.idle();
        if idle.distrusted_before.is_some_and(|before| before.elapsed() < DISTRUST_PERIOD) {
            return;
        }
        idle.distrusted_before = Some(Instant::now());
        let closed = std::mem::take(&mut idle.connections);
        drop(idle);
        drop(closed);
        tracing::info!(cause, "connections to PostgreSQL are replaced");
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PostgresPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the options, which contain a password.
        f.write_str("PostgresPool")
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
        self.pool.acquire().await
    }

    /// Returns the connection to the pool, or closes it. `None` if the call is to be attempted again, otherwise its
    /// result.
    pub(crate) fn finish<T>(
        &mut self,
        lease: Lease,
        result: Result<T, DatabaseError>,
    ) -> Option<Result<T, DatabaseError>> {
        let fault = match &result {
            Ok(_) => {
                lease.put_back();
                return Some(result);
            }
            Err(error) => error.connection_fault(),
        };
        // Dropping the lease ends the failed transaction.
        let Some(fault) = fault else { return Some(result) };
        lease.close();
        self.pool.distrust(fault.as_str());
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
