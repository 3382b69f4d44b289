//! The command `scoped-auth migrate`.

use std::process::Command;

use crate::store::postgres::Cluster;

#[tokio::test]
async fn migrate_needs_only_the_database_setting() {
    let url = Cluster::shared().database().await;
    for expected in ["0001 sessions: applied\n", "nothing to apply\n"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scoped-auth"));
        let output =
            command.arg("migrate").env_clear().env("SCOPED_AUTH_DATABASE_URL", &url).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
