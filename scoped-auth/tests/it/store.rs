//! The session store, on both engines: agreement between replicas, propagation between them, and retention.

mod current_token;
mod generations;
mod hearing;
mod migrate_command;
mod retention;
mod revocations;
mod statements;

use chrono::{DateTime, TimeDelta, Utc};
use scoped_auth::{
    revocations::RevocationTarget,
    store::{Advance, MIGRATIONS, Store as Sessions},
};
use shared_types::{AccountSid, Identity, SessionId, grant::GrantsClaim};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{
    direct::Direct,
    postgres::{self, Cluster},
};
use token::claims::{Audience, Claims, Issuer};

/// One store, as two replicas open it.
struct Store {
    replicas: [Sessions; 2],
    url: String,
    _dir: Option<TempDir>,
}

impl Store {
    async fn on_sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("sessions.db").display());
        Self { replicas: [open(&url).await, open(&url).await], url, _dir: Some(dir) }
    }

    async fn on_postgres() -> Self {
        let url = Cluster::shared().database().await;
        DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
        Self { replicas: [open(&url).await, open(&url).await], url, _dir: None }
    }

    /// A direct connection to the database, past the store's interface.
    async fn connection(&self) -> Direct {
        Direct::connect(&self.url).await
    }

    async fn count(&self, query: &'static str) -> i64 {
        self.connection().await.number(query).await
    }
}

async fn open(url: &str) -> Sessions {
    Sessions::open(&DatabaseConfig::new(url)).await.unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05.678Z".parse().unwrap()
}

fn end() -> DateTime<Utc> {
    now() + TimeDelta::days(1)
}

/// An advance of a session from `generation`, without a browser.
fn advance(session: SessionId, generation: u32, now: DateTime<Utc>) -> Advance {
    Advance {
        session,
        generation,
        now,
        expires_at: now + TimeDelta::hours(1),
        ends_at: end(),
        fingerprint: None,
        first_fingerprint: None,
    }
}

fn session(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

/// The claims of the first token of a session of the account `n`.
fn claims(n: u128) -> Claims {
    Claims {
        jti: uuid::Uuid::nil(),
        iss: Issuer::default(),
        aud: Audience::default(),
        sub: AccountSid::from_bits(n),
        iat: now(),
        nbf: now(),
        exp: now() + TimeDelta::hours(1),
        grants: GrantsClaim { identity: Identity::from_random([1; 16]), grants: Vec::new() },
        sid: session(1),
        auth_time: now(),
        generation: 0,
        first_fingerprint: None,
        fingerprint: None,
        cnf: None,
    }
}

fn account(n: u128) -> RevocationTarget {
    RevocationTarget::Account(AccountSid::from_bits(n))
}
