//! Webhooks end to end: real services, receivers on loopback that behave by a script.

mod addresses;
mod command;
mod crashes;
mod delivery;
mod documentation;
mod load;
mod receivers;
mod verify;

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use orchestrator::webhooks::signature::SigningSecrets;
use serde_json::Value;
use test_support::{
    eventually,
    scripted_peer::{Act, ScriptedPeer, answer},
};

use crate::desk::{self, Stack};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);

/// A request to a receiver.
#[derive(Clone, Debug)]
struct Received {
    id: String,
    timestamp: String,
    signature: String,
    text: String,
    body: Value,
}

/// The text of `accounts.toml` with a webhook of the first account.
fn accounts(url: &str) -> String {
    let webhook = format!(
        "[[account.webhook]]\nurl = \"{url}\"\nsigning_secret_file = \"hook-secret\"\n[[account]]\nsid = \"AC{:032}\"",
        2
    );
    desk::accounts().replace(&format!("[[account]]\nsid = \"AC{:032}\"", 2), &webhook)
}

/// The services, with a webhook to this URL.
async fn stack(url: &str) -> Stack {
    Stack::with_accounts(&accounts(url), |config| {
        std::fs::write(config.accounts_file.with_file_name("hook-secret"), SECRET).unwrap();
    })
    .await
}

/// A receiver that accepts everything.
async fn accepting() -> ScriptedPeer {
    ScriptedPeer::that(accept()).await
}

fn accept() -> Act {
    Act::SendAndKeepAlive(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
}

fn status(status: u16, headers: &str) -> Act {
    Act::Send(answer(status, headers, "no"))
}

/// The requests that a receiver got, once there are this many.
async fn received(receiver: &ScriptedPeer, count: usize) -> Vec<Received> {
    eventually(SOON, &format!("{count} webhooks"), async || receiver.seen().len() >= count).await;
    requests(receiver)
}

fn requests(receiver: &ScriptedPeer) -> Vec<Received> {
    let seen = receiver.seen();
    let request = |(index, text): (usize, &String)| {
        let header = |name| receiver.header_seen(index, name).unwrap_or_default();
        let text = text.split_once("\r\n\r\n").unwrap().1.to_owned();
        Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body: serde_json::from_str(&text).unwrap(),
            text,
        }
    };
    seen.iter().enumerate().map(request).collect()
}

impl Received {
    /// The signature by a secret.
    fn signed_with(&self, secret: &str) -> String {
        let secrets: SigningSecrets = secret.parse().unwrap();
        let timestamp = DateTime::from_timestamp(self.timestamp.parse().unwrap(), 0).unwrap();
        secrets.sign(&self.id, timestamp, self.text.as_bytes())
    }

    fn event_type(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }

    fn index(&self) -> i64 {
        self.body["data"]["index"].as_i64().unwrap()
    }
}

impl Stack {
    fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}
