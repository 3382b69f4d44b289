//! The store as a file: it survives the service and is readable only by its owner.

use std::{os::unix::fs::PermissionsExt, path::Path};

use conversations::{Conversations, OpenError, Range};
use store::DatabaseConfig;
use tokio::task::JoinSet;

use crate::store::{ACCOUNT, Store, conversation, identity, message, open, session, url};

#[tokio::test]
async fn data_survives_a_restart() {
    let store = Store::on_sqlite().await;
    let sid = store.open(conversation(1, 1)).await;
    store.append(identity(1), sid, 2).await.unwrap();
    let before = store.all(identity(1), sid).await;
    store.conversations.probe().await.unwrap();
    store.conversations.close().await;
    assert!(store.conversations.probe().await.is_err());

    let reopened = open(&store.url).await;
    let after = reopened.messages(ACCOUNT, identity(1), sid, Range::After(None), 10).await.unwrap();
    assert_eq!(after.map(|page| page.messages), before);
    assert_eq!(reopened.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(), Some(sid));
}

#[tokio::test]
async fn store_files_are_private() {
    let store = Store::on_sqlite().await;
    store.open(conversation(1, 1)).await;
    let file = Path::new(store.url.strip_prefix("sqlite:").unwrap());
    for path in [file, &file.with_extension("db-wal")] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let directory = file.parent().unwrap().metadata().unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
}

/// With many concurrent readers and writers: an in-memory database has other locks than a file.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_in_memory_store_is_shared_by_its_connections() {
    let conversations = open("sqlite::memory:").await;
    let sid = conversations.open_conversation(conversation(1, 1)).await.unwrap().sid;
    let mut calls = JoinSet::new();
    for n in 1..=64u128 {
        let (readers, writers) = (conversations.clone(), conversations.clone());
        calls.spawn(async move {
            readers.messages(ACCOUNT, identity(1), sid, Range::After(None), 100).await.unwrap().unwrap();
        });
        calls.spawn(async move {
            let append = writers.append_of_guest(ACCOUNT, identity(1), sid, message(100 + n, "y"));
            append.await.unwrap().unwrap();
        });
    }
    calls.join_all().await;
    let messages = conversations
        .messages(ACCOUNT, identity(1), sid, Range::After(None), 100)
        .await
        .unwrap()
        .unwrap()
        .messages;
    assert_eq!(messages.len(), 65);
}

#[tokio::test]
async fn open_errors_do_not_contain_the_url() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, "not a database, but long enough not to be taken for an empty one").unwrap();
    let open = async |url: &str| Conversations::open(&DatabaseConfig::new(url)).await.unwrap_err();
    let unknown = open("mysql://user:secret@host/db").await;
    assert!(matches!(unknown, OpenError::Url), "{unknown}");
    let malformed = open("postgres://user:secret@host:port/db").await;
    assert!(matches!(malformed, OpenError::Url), "{malformed}");
    let unreachable = open("postgres://user:secret@127.0.0.1:1/db").await;
    assert!(matches!(unreachable, OpenError::Database(_)), "{unreachable}");
    let garbage = open(&url(&blocked)).await;
    assert!(matches!(garbage, OpenError::Database(_)), "{garbage}");
    let below_a_file = open(&url(&blocked.join("db"))).await;
    assert!(matches!(below_a_file, OpenError::File(_)), "{below_a_file}");
    for error in [unknown, malformed, unreachable, garbage, below_a_file] {
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(!error.to_string().contains("secret") && !error.to_string().contains('\n'), "{error}");
    }
}
