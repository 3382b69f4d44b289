//! The diagrams, executed: a real stack, a guest that acts as the diagram's browser, and the recorded traffic, which
//! must equal the arrows of `docs/sequences/`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

#[macro_use]
#[path = "../../../service-runtime/tests/support/postgres.rs"]
mod postgres;

mod create_token;
mod diagram;
mod init;
mod open_conversation;
mod possession;
mod proof_of_possession;
mod rate_limit;
mod recorder;
mod refresh_token;
mod revoke_token;
mod session_life;

use std::{sync::Arc, time::Duration};

use local_stack::{Guest, Plan, Stack, demo};
use recorder::Recorder;
use service_runtime::database::DatabaseConfig;
use tempfile::TempDir;

/// Whether this is the crate that runs the services in one process.
fn in_process() -> bool {
    env!("CARGO_CRATE_NAME") == "sequences_in_process"
}

/// A stack whose traffic is recorded.
pub(crate) struct TestEnv {
    stack: Stack,
    recorder: Recorder,
    plan: Plan,
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
        let database = DatabaseConfig::new(postgres::Cluster::shared().database().await);
        database.migrate(orchestrator::conversations::MIGRATIONS).await.unwrap();
        database.migrate(scoped_auth::store::MIGRATIONS).await.unwrap();
        Self::with(|plan| plan.databases = [database.clone(), database]).await
    }

    async fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let recorder = Recorder::default();
        let mut plan = Plan {
            wire: Arc::new(recorder.clone()),
            in_process: in_process(),
            ..Plan::for_test(data.path())
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
        let written = async {
            while shown().unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), written).await.expect("within a second");
    }

    #[track_caller]
    fn equals(&self, file: &str, heading: &str) {
        diagram::assert_equal(file, heading, &self.recorder.take());
    }
}
