//! Old conversations are purged with all their messages; the others stay.

use std::time::Duration;

use chrono::TimeDelta;
use conversations::{NewConversation, NewMessage};
use shared_types::ConversationSid;
use store::PURGE_BATCH_ROWS;

use crate::store::{ACCOUNT, OTHER_ACCOUNT, Store, conversation, identity, message, now, session};

const DAY: Duration = Duration::from_secs(24 * 3600);

test_support::on_both_engines! {
    Store:
    conversations_are_purged_some_days_after_their_last_message,
    messages_are_purged_in_batches_without_partial_reads,
    two_replicas_purge_concurrently,
    each_account_has_its_retention,
}

impl Store {
    async fn purge_all(&self, days: i64) -> u64 {
        let mut rows = 0;
        loop {
            match self.conversations.purge(|_| 30 * DAY, now() + TimeDelta::days(days)).await.unwrap() {
                0 => break rows,
                some => rows += some,
            }
        }
    }
}

async fn conversations_are_purged_some_days_after_their_last_message(store: Store) {
    let silent = store.open(conversation(1, 1)).await;
    let lively = store.open(conversation(2, 2)).await;
    let later = NewConversation { now: now() + TimeDelta::days(1), ..conversation(3, 3) };
    let later = store.open(later).await;
    let said_at = now() + TimeDelta::days(2);
    let new = NewMessage { now: said_at, ..message(9, "y") };
    let said = store.conversations.append_of_guest(ACCOUNT, identity(2), lively, new);
    said.await.unwrap().unwrap();

    assert_eq!(store.purge_all(30).await, 0);
    assert!(store.all(identity(1), silent).await.is_some());
    assert!(store.purge_all(31).await > 0);
    assert_eq!(store.all(identity(1), silent).await, None);
    assert_eq!(store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(), None);
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 3);
    assert!(store.all(identity(3), later).await.is_some());
    assert!(store.purge_all(32).await > 0);
    assert_eq!(store.all(identity(3), later).await, None);
    assert_eq!(store.all(identity(2), lively).await.unwrap().len(), 2);
    assert!(store.purge_all(33).await > 0);
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 0);
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 0);
    // The guest of a purged conversation may open another.
    store.open(conversation(1, 4)).await;
}

async fn messages_are_purged_in_batches_without_partial_reads(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let many = "INSERT INTO messages (sid, conversation_sid, message_index, encoded_end, desk_bytes, side, author, body, \
                date_created, date_updated) \
                WITH RECURSIVE n (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < 2500) \
                SELECT 'IM' || CAST(n AS TEXT), (SELECT sid FROM conversations), n, 0, 0, 'guest', 'x', 'y', 0, 0 FROM n";
    store.connection().await.execute(many).await;
    let purge = async || store.conversations.purge(|_| 30 * DAY, now() + TimeDelta::days(31)).await.unwrap();
    // The conversation at first, then messages, then both.
    let at_once = u64::from(PURGE_BATCH_ROWS);
    assert_eq!(purge().await, 1 + at_once);
    assert_eq!(store.all(identity(1), sid).await, None);
    let append = store.conversations.append_of_guest(ACCOUNT, identity(1), sid, message(9, "y"));
    assert_eq!(append.await.unwrap(), None);
    assert_eq!(store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(), None);
    let personal: i64 = store
        .count(
            "SELECT COUNT(*) FROM conversations WHERE customer_friendly_name IS NOT NULL OR jkt IS NOT NULL",
        )
        .await;
    assert_eq!(personal, 0);
    assert_eq!(purge().await, at_once);
    assert_eq!(purge().await, 2501 - 2 * at_once + 1);
    assert_eq!(purge().await, 0);
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 0);
}

async fn two_replicas_purge_concurrently(store: Store) {
    for guest in 1..=50 {
        let sid = store.open(conversation(guest, guest.into())).await;
        assert_eq!(sid, ConversationSid::from_bits(guest.into()));
    }
    tokio::join!(store.purge_all(31), store.purge_all(31));
    // Rows that one replica had locked while the other read them may be left to the next purge.
    store.purge_all(31).await;
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 0);
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 0);
}

async fn each_account_has_its_retention(store: Store) {
    let long = store.open(conversation(1, 1)).await;
    let elsewhere = NewConversation { account_sid: OTHER_ACCOUNT, ..conversation(2, 2) };
    let short = store.open(elsewhere).await;
    let purge = async |days| {
        let retention = |account| if account == OTHER_ACCOUNT { 7 * DAY } else { 30 * DAY };
        while store.conversations.purge(retention, now() + TimeDelta::days(days)).await.unwrap() > 0 {}
        let found =
            async |account, sid| store.conversations.conversation(account, sid).await.unwrap().is_some();
        (found(ACCOUNT, long).await, found(OTHER_ACCOUNT, short).await)
    };
    assert_eq!(purge(7).await, (true, true));
    assert_eq!(purge(8).await, (true, false));
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 1);
    assert_eq!(purge(30).await, (true, false));
    assert_eq!(purge(31).await, (false, false));
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 0);
}
