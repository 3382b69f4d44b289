//! The whole chain over mutual TLS: guests notice nothing while certificates are valid, also during their rotation, and
//! get the contract's error when they are not.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use local_stack::{Certificates, Guest, Stack, StackConfig, demo};
use tempfile::TempDir;
use test_support::{
    authority::{Authority, Flaw, put},
    eventually,
};
use tokio::task::JoinSet;

const PARTICIPANTS: [&str; 3] = ["orchestrator", "federated-auth", "scoped-auth"];

fn with_certificates(by: &Authority) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("accounts.toml"), demo::accounts_without_limits()).unwrap();
    put(data.path(), "ca.pem", by.pem());
    for participant in PARTICIPANTS {
        by.issues(participant, data.path(), Flaw::None);
    }
    data
}

fn plan(data: &Path) -> StackConfig {
    let certificates = Certificates { folder: data.to_owned(), period: Duration::from_millis(10) };
    StackConfig { certificates: Some(certificates), ..StackConfig::for_test(data) }
}

#[tokio::test]
async fn a_session_works_over_mutual_tls() {
    let data = with_certificates(&Authority::new("the services' authority"));
    let stack = Stack::start(&plan(data.path())).await.unwrap();
    let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
    let created = guest.creates_token().await;
    let refreshed = guest.refreshes_token(&created.text("token")).await;
    let opened = guest.opens_conversation(&refreshed.text("token")).await;
    assert_eq!((opened.status, opened.text("identity")), (201, created.text("identity")));
    for service in [&stack.orchestrator, &stack.federated_auth, &stack.scoped_auth] {
        let url = format!("http://{}/readyz", service.admin_address);
        assert_eq!(guest.client().get(url).send().await.unwrap().status(), 200);
    }
    stack.stop().await;
}

#[tokio::test]
async fn bad_certificate_returns_the_contracts_error() {
    let authority = Authority::new("the services' authority");
    let other = Authority::new("another authority");
    let unreachable = (503, "upstream_unavailable");
    let not_understood = (502, "upstream_invalid");
    // Participant, issuing authority, flaw of the certificate, and the expected error.
    for (participant, by, flaw, expected) in [
        ("orchestrator", &other, Flaw::None, not_understood),
        ("orchestrator", &authority, Flaw::Expired, not_understood),
        ("federated-auth", &authority, Flaw::Expired, unreachable),
        ("federated-auth", &authority, Flaw::OfAnotherHost, unreachable),
        ("scoped-auth", &other, Flaw::None, unreachable),
    ] {
        let data = with_certificates(&authority);
        by.issues(participant, data.path(), flaw);
        let stack = Stack::start(&plan(data.path())).await.unwrap();
        let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
        let answer = guest.creates_token().await;
        assert_eq!((answer.status, answer.code()), expected, "{participant} {flaw:?}");
        let caller = if participant == "scoped-auth" { &stack.federated_auth } else { &stack.orchestrator };
        let url = format!("http://{}/readyz", caller.admin_address);
        let ready = guest.client().get(url).send().await.unwrap();
        assert_eq!(ready.status(), 503, "the caller is not ready");
        stack.stop().await;
    }
}

#[tokio::test]
async fn certificate_rotation_under_load_loses_no_request() {
    let first = Authority::new("the services' authority");
    let next = Authority::new("the next authority");
    let data = with_certificates(&first);
    let stack = Stack::start(&plan(data.path())).await.unwrap();
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut guests = JoinSet::new();
    for _ in 0..4 {
        let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
        let (over, answered) = (over.clone(), answered.clone());
        guests.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let created = guest.creates_token().await;
                let refreshed = guest.refreshes_token(&created.text("token")).await;
                let opened = guest.opens_conversation(&refreshed.text("token")).await;
                assert_eq!(opened.status, 201, "{}", opened.code());
                answered.fetch_add(3, Ordering::Relaxed);
            }
        });
    }
    // As in the runbook: both authorities everywhere, then the certificates, then only the next authority.
    put(data.path(), "ca.pem", &format!("{}{}", first.pem(), next.pem()));
    stack.sides.have_changed(1).await;
    for participant in PARTICIPANTS {
        next.issues(participant, data.path(), Flaw::None);
        some_more(&answered).await;
    }
    stack.sides.have_changed(2).await;
    put(data.path(), "ca.pem", next.pem());
    stack.sides.have_changed(3).await;
    some_more(&answered).await;
    over.store(true, Ordering::Relaxed);
    while let Some(guest) = guests.join_next().await {
        guest.unwrap();
    }
    stack.stop().await;
}

/// Waits until the guests have received a few more responses.
async fn some_more(answered: &AtomicUsize) {
    let enough = answered.load(Ordering::Relaxed) + 60;
    let limit = Duration::from_secs(60);
    eventually(limit, "guests are answered", async || answered.load(Ordering::Relaxed) >= enough).await;
}
