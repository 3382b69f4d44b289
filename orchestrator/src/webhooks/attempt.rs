//! One attempt to deliver an event.

use chrono::{DateTime, Utc};
use conversations::EventType;

use super::{body, signature::SigningSecrets, target::Target};
use crate::clients::webhook::{AttemptError, Post, WebhookClient};

/// Signs and posts a body.
pub(super) async fn post(
    client: &WebhookClient,
    target: &Target,
    secrets: &SigningSecrets,
    id: String,
    body: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<(), AttemptError> {
    let signature = secrets.sign(&id, now, &body);
    client.post(&target.url, Post { id, timestamp: now, signature, body }, now).await
}

/// Posts a test: `conversation.opened` of a conversation that does not exist, whose sid has only zeros.
pub async fn test_event(
    client: &WebhookClient,
    target: &Target,
    secrets: &SigningSecrets,
    id: u128,
    now: DateTime<Utc>,
) -> Result<(), AttemptError> {
    let body = body::of_test(target.account, EventType::ConversationOpened, now);
    post(client, target, secrets, format!("msg_test_{id:032x}"), body, now).await
}
