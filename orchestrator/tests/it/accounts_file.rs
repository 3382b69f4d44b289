//! `accounts.toml` is edited while the service runs (contract, section 10).

use std::{
    fs,
    os::unix::fs::{FileExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use orchestrator::accounts::{AccountsFile, AccountsFileError};

use service_runtime::watched_file::{Reload, ReloadOutcome};
use shared_types::{ApiKeySid, DeploymentKey};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

fn text(key: u128) -> String {
    format!(
        "[[account]]\n\
         sid = \"AC00000000000000000000000000000001\"\n\
         webchat_security = true\n\
         conversations_service_sid = \"IS00000000000000000000000000000001\"\n\
         [[account.deployment]]\n\
         key = \"{}\"\n\
         address_sid = \"IG00000000000000000000000000000001\"\n",
        DeploymentKey::from_bits(key)
    )
}

struct FollowedAccounts {
    file: Arc<AccountsFile>,
    reloads: watch::Receiver<Reload>,
    follower: JoinHandle<()>,
}

impl FollowedAccounts {
    async fn start(path: &Path) -> Self {
        let file = Arc::new(AccountsFile::load(path).await.unwrap());
        let reloads = file.reloads();
        let follower = tokio::spawn({
            let file = Arc::clone(&file);
            async move { file.follow(Duration::from_millis(2)).await }
        });
        Self { file, reloads, follower }
    }

    async fn next_reload(&mut self) -> Reload {
        let changed = tokio::time::timeout(Duration::from_secs(20), self.reloads.changed());
        changed.await.expect("the change was not detected").expect("the follower has stopped");
        self.reloads.borrow_and_update().clone()
    }

    fn knows(&self, key: u128) -> bool {
        self.file.current().by_deployment_key(&DeploymentKey::from_bits(key)).is_some()
    }
}

impl Drop for FollowedAccounts {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

#[tokio::test]
async fn a_removed_api_key_stops_working() {
    let (_dir, path) = written(1);
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let api_key =
        format!("[[account.api_key]]\nsid = \"{}\"\nsecret_sha256 = \"{digest}\"\n", ApiKeySid::from_bits(1));
    fs::write(&path, text(1) + &api_key).unwrap();
    let mut followed = FollowedAccounts::start(&path).await;
    let authenticates = |followed: &FollowedAccounts| {
        followed.file.current().authenticate(ApiKeySid::from_bits(1), b"abc").is_some()
    };
    assert!(authenticates(&followed));
    replace(&path, &text(1));
    assert_eq!(followed.next_reload().await.outcome, ReloadOutcome::Loaded);
    assert!(!authenticates(&followed));
}

/// Replaces the file atomically, so that the follower does not read half of it.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, path).unwrap();
}

fn written(key: u128) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("accounts.toml");
    fs::write(&path, text(key)).unwrap();
    (dir, path)
}

#[tokio::test]
async fn valid_edits_apply_to_new_requests_only() {
    let (_dir, path) = written(1);
    let mut followed = FollowedAccounts::start(&path).await;
    let before = followed.file.current();
    replace(&path, &text(2));
    assert_eq!(followed.next_reload().await, Reload { generation: 1, outcome: ReloadOutcome::Loaded });
    assert!(followed.knows(2) && !followed.knows(1));
    assert!(before.by_deployment_key(&DeploymentKey::from_bits(1)).is_some());
}

#[tokio::test]
async fn invalid_edits_are_reported_and_ignored() {
    let (_dir, path) = written(1);
    let mut followed = FollowedAccounts::start(&path).await;

    replace(&path, &text(2).replace("webchat_security", "webchat_securty"));
    let Reload { generation: 1, outcome: ReloadOutcome::Rejected(reason) } = followed.next_reload().await
    else {
        panic!("taken");
    };
    assert!(reason.contains("accounts.toml: line 3: unknown field"), "{reason}");
    assert!(followed.knows(1) && !followed.knows(2));

    replace(&path, &text(2));
    assert_eq!(followed.next_reload().await, Reload { generation: 2, outcome: ReloadOutcome::Loaded });
    assert!(followed.knows(2));
}

#[tokio::test]
async fn an_empty_or_missing_file_is_ignored() {
    let (_dir, path) = written(1);
    let mut followed = FollowedAccounts::start(&path).await;
    fs::write(&path, "").unwrap();
    let emptied = followed.next_reload().await;
    assert!(
        matches!(emptied.outcome, ReloadOutcome::Rejected(ref reason) if reason.contains("no [[account]]")),
        "{emptied:?}"
    );
    assert!(followed.knows(1));
    fs::remove_file(&path).unwrap();
    let removed = followed.next_reload().await;
    assert!(matches!(removed.outcome, ReloadOutcome::Rejected(_)), "{removed:?}");
    assert!(followed.knows(1));
    replace(&path, &text(2));
    assert_eq!(followed.next_reload().await, Reload { generation: 3, outcome: ReloadOutcome::Loaded });
    assert!(followed.knows(2));
}

/// In place, of the same length, and often within one tick of the file system's clock, so that the file's metadata may
/// not change.
#[tokio::test]
async fn writes_in_quick_succession_are_all_detected() {
    let (_dir, path) = written(1);
    let mut followed = FollowedAccounts::start(&path).await;
    let file = fs::File::options().write(true).open(&path).unwrap();
    let mut last = 1;
    for round in 0..30 {
        for _ in 0..=round % 3 {
            last += 1;
            // In one write, so that no read sees half of it.
            assert_eq!(file.write_at(text(last).as_bytes(), 0).unwrap(), text(last).len());
            tokio::task::yield_now().await;
        }
        while !followed.knows(last) {
            assert_eq!(followed.next_reload().await.outcome, ReloadOutcome::Loaded);
        }
    }
}

/// A ConfigMap is a directory behind a symbolic link that is replaced; the file's own path never changes.
#[tokio::test]
async fn a_replaced_symlink_in_the_path_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    for (version, key) in [("v1", 1), ("v2", 2)] {
        fs::create_dir(dir.path().join(version)).unwrap();
        fs::write(dir.path().join(version).join("accounts.toml"), text(key)).unwrap();
    }
    symlink("v1", dir.path().join("data")).unwrap();
    symlink("data/accounts.toml", dir.path().join("accounts.toml")).unwrap();

    let mut followed = FollowedAccounts::start(&dir.path().join("accounts.toml")).await;
    assert!(followed.knows(1));
    symlink("v2", dir.path().join("new")).unwrap();
    fs::rename(dir.path().join("new"), dir.path().join("data")).unwrap();
    assert_eq!(followed.next_reload().await.outcome, ReloadOutcome::Loaded);
    assert!(followed.knows(2));
}

#[tokio::test]
async fn starting_requires_a_valid_file() {
    let (dir, path) = written(1);
    fs::write(&path, "[[account]]\nsid = \"AC1\"\n").unwrap();
    let malformed = AccountsFile::load(&path).await.unwrap_err();
    assert_eq!(
        malformed.to_string(),
        format!("{}: line 2: expected AC and 32 hexadecimal digits", path.display())
    );
    let missing = AccountsFile::load(dir.path().join("missing.toml")).await.unwrap_err();
    assert!(matches!(missing, AccountsFileError::Unreadable { .. }), "{missing}");
    assert!(missing.to_string().contains("missing.toml: "), "{missing}");
    fs::write(&path, b"\xff").unwrap();
    assert!(matches!(AccountsFile::load(&path).await, Err(AccountsFileError::Unreadable { .. })));
}
