//! Erased texts are gone from the database and its files; erased guests open no conversation for the retention.

mod words;

use std::{fs, path::Path, time::Duration};

use chrono::TimeDelta;
use conversations::{Changes, NewConversation, NewMessage, StoreError};
use shared_types::{ConversationSid, MessageSid};

use self::words::{Words, found_in};
use crate::store::{ACCOUNT, OTHER_ACCOUNT, Store, conversation, identity, message, now, open, session};

test_support::on_both_engines! {
    Store:
    erased_words_are_gone,
    an_erased_guest_opens_no_conversation,
    a_conversation_inserted_during_the_erasure_is_purged,
    an_erased_guest_is_forgotten_after_the_retention,
}

const GUESTS: u8 = 12;
/// Conversations of each guest.
const CONVERSATIONS: u128 = 3;
const ROUNDS: usize = 8;

/// What is erased of a conversation of a guest: one message of every conversation of guest 1, the second conversation of
/// the guests 2 to 6, and the guests 7 to 9.
fn is_erased(guest: u8, nth: u128) -> bool {
    (2..=6).contains(&guest) && nth == 1 || (7..=9).contains(&guest)
}

impl Store {
    /// The bytes of the database's files; with PostgreSQL, all columns of all tables.
    async fn everything(&self) -> Vec<u8> {
        let Some(file) = self.url.strip_prefix("sqlite:") else {
            let tables = "SELECT string_agg(table_to_xml(c.oid::regclass, true, false, '')::text, ' '), '', '' \
                          FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
            return self.connection().await.texts(tables).await.0.into_bytes();
        };
        let read = |suffix| fs::read(Path::new(&format!("{file}{suffix}"))).unwrap_or_default();
        ["", "-wal", "-shm"].map(read).concat()
    }

    /// A conversation with messages of all sides and of many lengths, a form, names and attributes, all with words.
    async fn fill(&self, guest: u8, nth: u128, words: &mut Words) -> (ConversationSid, Vec<MessageSid>) {
        let number = u128::from(guest) * 100 + nth;
        let is_erased = is_erased(guest, nth);
        let question = words.text(40, is_erased);
        let form = serde_json::json!({ "query": words.text(200, is_erased) }).to_string();
        let new = NewConversation {
            question: Some((MessageSid::from_bits(number * 1000), &question)),
            customer_friendly_name: Some(words.text(0, is_erased)),
            pre_engagement_data: Some(form),
            welcome: (MessageSid::from_bits(number * 1000 + 1), "Welcome!"),
            ..conversation(guest, number)
        };
        let sid = self.open(new).await;
        let mut messages = Vec::new();
        for n in 0..ROUNDS {
            // On the page of its row and, where it is long, on pages of its own.
            let length = [0, 30, 300, 3000, 9000][(n * 7 + guest as usize) % 5];
            // Of guest 1, the third message is erased.
            let is_erased = is_erased || guest == 1 && n == 2;
            let (body, attributes) = (words.text(length, is_erased), words.text(length / 3, is_erased));
            let attributes = serde_json::json!({ "note": attributes }).to_string();
            let sid_of_message = MessageSid::from_bits(number * 1000 + 10 + n as u128);
            messages.push(sid_of_message);
            let new = NewMessage { sid: sid_of_message, ..message(0, &body) };
            match n % 2 {
                0 => self.conversations.append_of_guest(ACCOUNT, identity(guest), sid, new).await,
                _ => {
                    let new = NewMessage { attributes: Some(&attributes), ..new };
                    self.conversations.append_of_desk(ACCOUNT, sid, new).await
                }
            }
            .unwrap()
            .unwrap();
            if n % 2 == 0 {
                words.forget(&attributes);
            }
        }
        (sid, messages)
    }

    /// The desk's name and attributes of a conversation, longer each time, so that rows move to other pages.
    async fn rename(
        &self,
        sid: ConversationSid,
        length: usize,
        close: bool,
        is_erased: bool,
        words: &mut Words,
    ) {
        let changes = Changes {
            friendly_name: Some(Some(words.text(20, is_erased))),
            attributes: Some(Some(serde_json::json!({ "note": words.text(length, is_erased) }).to_string())),
            close,
        };
        let record = self.conversations.conversation(ACCOUNT, sid).await.unwrap().unwrap();
        self.conversations.update_conversation(ACCOUNT, record, changes, now()).await.unwrap().unwrap();
    }
}

async fn erased_words_are_gone(store: Store) {
    let mut words = Words::default();
    let (mut all, mut replaced) = (Vec::new(), 0);
    for nth in 0..CONVERSATIONS {
        for guest in 1..=GUESTS {
            let (sid, messages) = store.fill(guest, nth, &mut words).await;
            // Values that were replaced are gone when their conversation is erased.
            if is_erased(guest, nth) {
                replaced += 2 * 4;
                for length in [0, 200, 700] {
                    store.rename(sid, length, length == 700 && guest % 2 == 0, true, &mut words).await;
                }
            } else {
                store.rename(sid, 100 * guest as usize, guest % 2 == 0, false, &mut words).await;
            }
            if nth + 1 < CONVERSATIONS {
                store.conversations.end_session(ACCOUNT, crate::store::session(guest), now()).await.unwrap();
            }
            all.push((guest, nth, sid, messages));
        }
    }
    let found = found_in(&store.everything().await);
    assert!(words.kept.is_subset(&found));
    assert!(words.erased.difference(&found).count() <= replaced, "nothing is erased yet");

    for (guest, nth, sid, messages) in &all {
        if *guest == 1 {
            let erase = store.conversations.erase_message(ACCOUNT, *sid, messages[2], now());
            assert!(erase.await.unwrap());
            let found = store.conversations.message(ACCOUNT, *sid, messages[2]).await.unwrap().unwrap();
            assert_eq!((found.body.as_str(), found.attributes, found.index), ("", None, 4));
        } else if *guest < 7 && is_erased(*guest, *nth) {
            assert!(!store.conversations.erase_conversation(OTHER_ACCOUNT, *sid, now()).await.unwrap());
            assert!(store.conversations.erase_conversation(ACCOUNT, *sid, now()).await.unwrap());
            assert!(!store.conversations.erase_conversation(ACCOUNT, *sid, now()).await.unwrap());
            assert_eq!(store.all(identity(*guest), *sid).await, None);
        }
    }
    for guest in 7..=9 {
        let erased = store.conversations.erase_guest(ACCOUNT, identity(guest), now()).await.unwrap();
        assert_eq!(erased, (u64::try_from(CONVERSATIONS).unwrap(), true));
    }
    for is_open in [true, false] {
        if !is_open {
            store.conversations.close().await;
        }
        let found = found_in(&store.everything().await);
        let left: Vec<_> = found.intersection(&words.erased).collect();
        assert!(left.is_empty(), "open: {is_open}; {} of {}: {left:?}", left.len(), words.erased.len());
        assert!(words.kept.is_subset(&found), "open: {is_open}");
    }
}

async fn an_erased_guest_opens_no_conversation(store: Store) {
    let elsewhere = NewConversation { account_sid: OTHER_ACCOUNT, ..conversation(1, 3) };
    let (sid, other) = (store.open(conversation(1, 1)).await, store.open(conversation(2, 2)).await);
    let of_other_account = store.open(elsewhere.clone()).await;
    let is_erased =
        async |account, guest| store.conversations.is_erased(account, identity(guest)).await.unwrap();
    assert!(!is_erased(ACCOUNT, 1).await);
    // Twice: the second time nothing is left.
    for conversations in [1, 0] {
        let erased = store.conversations.erase_guest(ACCOUNT, identity(1), now()).await.unwrap();
        assert_eq!(erased, (conversations, true));
        assert!(is_erased(ACCOUNT, 1).await);
        let found = store.conversations.by_session(ACCOUNT, session(1), identity(1)).await;
        assert!(matches!(found, Err(StoreError::Erased)), "{found:?}");
    }
    let by_session = async |account, guest| {
        store.conversations.by_session(account, session(guest), identity(guest)).await.unwrap()
    };
    assert_eq!(by_session(ACCOUNT, 2).await, Some(other));
    assert_eq!(by_session(OTHER_ACCOUNT, 1).await, Some(of_other_account));
    assert_eq!(by_session(ACCOUNT, 3).await, None);
    let rejected = store.conversations.open_conversation(conversation(1, 4)).await;
    assert!(matches!(rejected, Err(StoreError::Erased)), "{rejected:?}");
    assert_eq!(store.all(identity(1), sid).await, None);
    let append = store.conversations.append_of_guest(ACCOUNT, identity(1), sid, message(9, "x")).await;
    assert_eq!(append.unwrap(), None);

    assert!(!is_erased(ACCOUNT, 2).await && !is_erased(OTHER_ACCOUNT, 1).await);
    assert_eq!(store.all(identity(2), other).await.unwrap().len(), 1);
    assert_eq!(store.open(conversation(2, 5)).await, other);
    assert_eq!(store.open(NewConversation { conversation_sid: sid, ..elsewhere }).await, of_other_account);
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 2);
}

async fn a_conversation_inserted_during_the_erasure_is_purged(store: Store) {
    let mut words = Words::default();
    let (sid, _) = store.fill(7, 0, &mut words).await;
    let other = store.open(conversation(2, 2)).await;
    // Not deleted: a transaction inserted it that began before the guest was noted.
    store.conversations.note_erased_guest(ACCOUNT, identity(7), now()).await.unwrap();
    let rejected = store.conversations.open_conversation(conversation(7, 3)).await;
    assert!(matches!(rejected, Err(StoreError::Erased)), "also while it has a conversation: {rejected:?}");
    purge(&store, 0).await;
    assert_eq!(store.all(identity(7), sid).await, None);
    assert!(words.erased.is_disjoint(&found_in(&store.everything().await)));
    assert_eq!(store.all(identity(2), other).await.unwrap().len(), 1);
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 1);
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 1);
    assert!(store.conversations.is_erased(ACCOUNT, identity(7)).await.unwrap());
}

async fn an_erased_guest_is_forgotten_after_the_retention(store: Store) {
    // The account has no conversation left.
    store.open(conversation(1, 1)).await;
    store.conversations.erase_guest(ACCOUNT, identity(1), now()).await.unwrap();
    let other = open(&store.url).await;
    for (days, is_known) in [(29, true), (30, true), (31, false)] {
        purge(&store, days).await;
        assert_eq!(other.is_erased(ACCOUNT, identity(1)).await.unwrap(), is_known, "{days}");
    }
    store.open(conversation(1, 2)).await;
}

async fn purge(store: &Store, days: i64) {
    let retention = |_| Duration::from_secs(30 * 24 * 3600);
    while store.conversations.purge(retention, now() + TimeDelta::days(days)).await.unwrap() > 0 {}
}
