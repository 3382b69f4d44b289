//! The diagrams, executed: a real stack, a guest that acts as the diagram's browser, and the recorded traffic, which
//! must equal the arrows of `docs/sequences/`.

mod answer;
mod assertion;
mod assertion_attacks;
mod authorize;
mod close;
mod create_token;
mod init;
mod open_conversation;
mod possession;
mod proof_of_possession;
mod rate_limit;
mod refresh_token;
mod revoke_token;
mod session_life;
mod wait_for_messages;

use std::{sync::Arc, time::Duration};

use local_stack::{Guest, Stack, StackConfig, demo};
use service_runtime::watched_file::Reload;
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{eventually, postgres, within};
use tokio::sync::watch;

use crate::{diagram, recorder::Recorder};

/// Whether this is the crate that runs the services in one process.
fn in_process() -> bool {
    env!("CARGO_CRATE_NAME") == "sequences_in_process"
}

/// Waits until a changed `accounts.toml` is loaded.
async fn is_reloaded(reloads: &mut watch::Receiver<Reload>) {
    within(Duration::from_secs(30), "accounts.toml is reloaded", reloads.changed()).await.unwrap();
}

/// A stack whose wires are seen.
pub(crate) struct TestEnv {
    stack: Stack,
    recorder: Recorder,
    plan: StackConfig,
    _data: TempDir,
}

impl TestEnv {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn on_sqlite() -> Self {
        Self::new().await
    }

    async fn on_postgres() -> Self {
        Self::on_postgres_with(|_| {}).await
    }

    async fn on_postgres_with(change: impl FnOnce(&mut StackConfig)) -> Self {
        let database = DatabaseConfig::new(postgres::Cluster::shared().database().await);
        database.migrate(conversations::MIGRATIONS).await.unwrap();
        database.migrate(scoped_auth::store::MIGRATIONS).await.unwrap();
        Self::with(|plan| {
            plan.databases = [database.clone(), database];
            change(plan);
        })
        .await
    }

    async fn with(change: impl FnOnce(&mut StackConfig)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let recorder = Recorder::default();
        let mut plan = StackConfig {
            wire: Arc::new(recorder.clone()),
            in_process: in_process(),
            ..StackConfig::for_test(data.path())
        };
        change(&mut plan);
        let stack = Stack::start(&plan).await.unwrap();
        Self { stack, recorder, plan, _data: data }
    }

    /// A guest whose account has the feature on.
    fn guest_on(&self) -> Guest {
        Guest::with_chrome(&self.stack.url, demo::DEPLOYMENT_ON)
    }

    /// A guest whose account has the feature off.
    fn guest_off(&self) -> Guest {
        Guest::with_chrome(&self.stack.url, demo::DEPLOYMENT_OFF)
    }

    /// Waits until ScopedAuthService has stored that a current token was presented. The store is a file.
    async fn until_shown(&self) {
        let store = rusqlite::Connection::open(self.plan.data.join("sessions.db")).unwrap();
        let shown = || {
            store.query_row("SELECT COUNT(*) FROM sessions WHERE shown = 1", [], |row| row.get::<_, i64>(0))
        };
        let limit = Duration::from_secs(10);
        eventually(limit, "the token is marked as shown", async || shown().unwrap() > 0).await;
    }

    #[track_caller]
    fn equals(&self, file: &str, heading: &str) {
        diagram::assert_equal(file, heading, &self.recorder.take());
    }
}
