//! The conversations' store (contract, section 3): what it promises to one caller, to many at once and to those who go
//! away half-way, and what it is as a file.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod at_once;
mod file;
mod one_caller;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use orchestrator::conversations::{Conversations, NewConversation};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, Identity, MessageSid, SessionId,
    orchestrator::list_messages::ChatMessage,
};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

const ACCOUNT: AccountSid = AccountSid::from_bits(1);
const OTHER_ACCOUNT: AccountSid = AccountSid::from_bits(2);

struct Store {
    conversations: Conversations,
    path: PathBuf,
    _dir: TempDir,
}

impl Store {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data/webchat/conversations.db");
        Self { conversations: Conversations::open(&url(&path)).await.unwrap(), path, _dir: dir }
    }

    /// A connection past the interface, to see and do what it does not.
    async fn connection(&self) -> SqliteConnection {
        SqliteConnection::connect(&url(&self.path)).await.unwrap()
    }

    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.connection().await).await.unwrap()
    }

    async fn all(&self, identity: Identity, conversation: ConversationSid) -> Option<Vec<ChatMessage>> {
        self.conversations.messages(ACCOUNT, identity, conversation, None, 1000).await.unwrap()
    }

    async fn append(
        &self,
        identity: Identity,
        conversation: ConversationSid,
        n: u128,
    ) -> Option<ChatMessage> {
        let author = identity.to_string();
        let append = self.conversations.append(
            ACCOUNT,
            identity,
            conversation,
            MessageSid::from_bits(n),
            &author,
            "hello",
            now(),
        );
        append.await.unwrap()
    }
}

fn url(path: &std::path::Path) -> String {
    format!("sqlite:{}", path.display())
}

fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05.678Z".parse().unwrap()
}

fn session(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

fn identity(n: u8) -> Identity {
    Identity::from_random([n; 16])
}

/// The conversation `sid` of the session and identity `guest`, with a welcome message of the same number.
fn conversation(guest: u8, sid: u128) -> NewConversation<'static> {
    NewConversation {
        account_sid: ACCOUNT,
        address_sid: AddressSid::from_bits(1),
        session: session(guest),
        identity: identity(guest),
        fingerprint: None,
        customer_friendly_name: Some("Ada".to_owned()),
        pre_engagement_data: Some(serde_json::json!({"question": "why?"})),
        conversation_sid: ConversationSid::from_bits(sid),
        message_sid: MessageSid::from_bits(sid),
        welcome: "Welcome!",
        now: now(),
    }
}
