//! The memory of a deployment, as the operating system counts it: loaded, and after reloads. A separate test binary:
//! parallel tests would be counted too. A release build tests a million.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is a test that fails")]

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use orchestrator::accounts::AccountsFile;
use service_runtime::watched_file::ReloadOutcome;
use shared_types::{AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey};

/// Parsing is slow without optimisation.
const DEPLOYMENTS: u128 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

const OF_EACH_ACCOUNT: u128 = 1000;

/// The resident memory of this process (`VmRSS`), or its peak (`VmHWM`), in bytes.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// A file with this many deployments, each with its own origin. Every value differs between editions.
fn write(path: &Path, deployments: u128, edition: u128) {
    let new = path.with_extension("new");
    // Streamed: the memory of one large text would be counted.
    let mut text = BufWriter::new(File::create(&new).unwrap());
    for account in 0..deployments / OF_EACH_ACCOUNT {
        let sid = AccountSid::from_bits(account);
        let service = ConversationsServiceSid::from_bits(account);
        write!(
            text,
            "[[account]]\nsid = \"{sid}\"\nwebchat_security = true\nconversations_service_sid = \"{service}\"\n\n"
        )
        .unwrap();
        for n in account * OF_EACH_ACCOUNT..(account + 1) * OF_EACH_ACCOUNT {
            let (key, address) = (DeploymentKey::from_bits(n), AddressSid::from_bits(n + edition));
            write!(
                text,
                "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"{address}\"\n\
                 allowed_origins = [\"https://shop-{n}-{edition}.example.com\"]\n\n"
            )
            .unwrap();
        }
    }
    text.into_inner().unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn a_deployment_uses_less_than_1_kib() {
    let deployments = DEPLOYMENTS;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("accounts.toml");
    write(&path, deployments, 0);
    let before = memory("VmRSS");
    let report = |what: &str, began: Instant| {
        let each = memory("VmRSS").saturating_sub(before) / deployments as u64;
        let peak = memory("VmHWM").saturating_sub(before) / deployments as u64;
        println!(
            "{deployments} deployments, {what}: {each} bytes each, {peak} at most, {:?}",
            began.elapsed()
        );
        assert!(each < 1024, "{deployments} deployments, {what}: {each} bytes each");
    };
    let began = Instant::now();
    let file = Arc::new(AccountsFile::load(&path).await.unwrap());
    report("loaded", began);
    let mut reloads = file.reloads();
    let follower = tokio::spawn({
        let file = Arc::clone(&file);
        async move { file.follow(Duration::from_millis(10)).await }
    });
    for edition in 1..=4 {
        write(&path, deployments, edition);
        let began = Instant::now();
        let reload = tokio::time::timeout(Duration::from_secs(60), reloads.changed());
        reload.await.expect("the file is reloaded").unwrap();
        assert_eq!(reloads.borrow_and_update().outcome, ReloadOutcome::Loaded);
        report("reloaded", began);
        let last = file.current().by_deployment_key(&DeploymentKey::from_bits(deployments - 1)).unwrap();
        assert_eq!(last.deployment.address_sid, AddressSid::from_bits(deployments - 1 + edition));
        assert_eq!(last.account.sid, AccountSid::from_bits((deployments - 1) / OF_EACH_ACCOUNT));
    }
    follower.abort();
}
