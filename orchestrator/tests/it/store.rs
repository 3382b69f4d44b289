//! The conversation store (contract, section 3): its guarantees for single, concurrent and cancelled callers, and its
//! files.

mod at_once;
mod budget;
mod closed;
mod erasure;
mod file;
mod full;
mod idempotency;
mod migrate_command;
mod one_caller;
mod outbox;
mod page_properties;
mod pages;
mod retention;
mod server;
mod statements;
mod waiting;

use chrono::{DateTime, Utc};
use conversations::{Conversations, MIGRATIONS, NewConversation, NewMessage, Range, StoreError};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, SessionId,
    orchestrator::list_messages::ChatMessage, scoped_auth::generate::EarlierSession,
};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{
    direct::Direct,
    postgres::{self, Cluster},
};

const ACCOUNT: AccountSid = AccountSid::from_bits(1);
const OTHER_ACCOUNT: AccountSid = AccountSid::from_bits(2);
const DEPLOYMENT: DeploymentKey = DeploymentKey::from_bits(1);

struct Store {
    conversations: Conversations,
    url: String,
    _dir: Option<TempDir>,
}

impl Store {
    async fn on_sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = url(&dir.path().join("data/webchat/conversations.db"));
        Self { conversations: open(&url).await, url, _dir: Some(dir) }
    }

    async fn on_postgres() -> Self {
        let url = Cluster::shared().database().await;
        DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
        Self { conversations: open(&url).await, url, _dir: None }
    }

    /// A direct connection to the database, past the store's interface.
    async fn connection(&self) -> Direct {
        Direct::connect(&self.url).await
    }

    async fn count(&self, query: &'static str) -> i64 {
        self.connection().await.number(query).await
    }

    async fn open(&self, new: NewConversation<'_>) -> ConversationSid {
        self.conversations.open_conversation(new).await.unwrap().sid
    }

    async fn all(&self, identity: Identity, conversation: ConversationSid) -> Option<Vec<ChatMessage>> {
        self.conversations
            .messages(ACCOUNT, identity, conversation, Range::After(None), 1000)
            .await
            .unwrap()
            .map(|page| page.messages)
    }

    async fn append(
        &self,
        identity: Identity,
        conversation: ConversationSid,
        n: u128,
    ) -> Option<ChatMessage> {
        self.say(identity, conversation, n, "hello").await.unwrap()
    }

    async fn say(
        &self,
        identity: Identity,
        conversation: ConversationSid,
        n: u128,
        text: &str,
    ) -> Result<Option<ChatMessage>, StoreError> {
        let author = identity.to_string();
        let new = NewMessage { author: &author, ..message(n, text) };
        let appended = self.conversations.append_of_guest(ACCOUNT, identity, conversation, new).await?;
        Ok(appended.map(|appended| appended.message.into()))
    }
}

async fn open(url: &str) -> Conversations {
    Conversations::open(&DatabaseConfig::new(url)).await.unwrap()
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

/// The session, which has just started.
fn started(n: u8) -> EarlierSession {
    EarlierSession { sid: session(n), auth_time: now() }
}

fn identity(n: u8) -> Identity {
    Identity::from_random([n; 16])
}

/// The conversation `sid` of the session and identity `guest`, with a welcome message of the same number.
fn conversation(guest: u8, sid: u128) -> NewConversation<'static> {
    NewConversation {
        account_sid: ACCOUNT,
        address_sid: AddressSid::from_bits(1),
        deployment_key: DEPLOYMENT,
        session: started(guest),
        jkt: None,
        identity: identity(guest),
        customer_friendly_name: Some("Ada".to_owned()),
        pre_engagement_data: Some(serde_json::json!({"question": "why?\0"}).to_string()),
        conversation_sid: ConversationSid::from_bits(sid),
        question: None,
        welcome: (MessageSid::from_bits(sid), "Welcome!"),
        now: now(),
    }
}

/// The message `sid` of the author `x`.
fn message(sid: u128, body: &str) -> NewMessage<'_> {
    NewMessage { sid: MessageSid::from_bits(sid), author: "x", body, attributes: None, key: None, now: now() }
}
