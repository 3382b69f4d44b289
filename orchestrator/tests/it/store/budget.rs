//! The disk budget: bytes stored by one network within an hour, on a simulated clock.

use std::{fs, net::Ipv6Addr, path::Path};

use chrono::TimeDelta;
use orchestrator::{
    accounts::Accounts,
    admission::rate_limit::{Action, Charge, RateLimiter},
};
use service_runtime::Metrics;
use shared_types::{AccountSid, ConversationSid, DeploymentKey, Identity, SessionId};
use tokio::task::JoinSet;

use crate::store::{Store, conversation, message, now};

/// The deployment's hourly budget: the minimum setting.
const BUDGET: u64 = 2 * 1024 * 1024;

/// The minimum charge of a message and of a conversation in the handlers.
const LEAST_OF_MESSAGE: u32 = 256;
const LEAST_OF_CONVERSATION: u32 = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_network_writes_at_most_the_deployments_hourly_budget() {
    for text in ["x", &"x".repeat(1024)] {
        let (bytes, on_disk) = written_by_a_56(text).await;
        println!("texts of {} bytes: {bytes} bytes stored, {on_disk} on the disk, of {BUDGET}", text.len());
        assert!((1..=BUDGET).contains(&bytes), "{bytes}");
        assert!(on_disk <= 3 * BUDGET, "{on_disk}");
    }
}

/// All 256 visitors of a /56 open a conversation each and send as much as is accepted; returns their bytes in the store
/// after an hour, and the size of its files.
async fn written_by_a_56(text: &str) -> (u64, u64) {
    let store = Store::on_sqlite().await;
    let accounts = format!(
        r#"
[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"
[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"
guest_bytes_per_hour = {BUDGET}
"#
    );
    let accounts = Accounts::parse(&accounts).unwrap();
    let deployment = accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap().deployment;
    let limits = RateLimiter::new(&Metrics::default());
    let address = |n: u128| Some(Ipv6Addr::from_bits(0x2001_0db8_0001_0100_u128 << 64 | n << 64 | 1).into());
    let identity = |n: u128| Identity::from_random(n.to_be_bytes());
    let mut writes = JoinSet::new();
    let mut messages = 0;
    for minute in 0..60 {
        for n in 0..256 {
            let guest_bytes =
                |bytes, now| limits.guest_bytes(&deployment, address(n), bytes, Action::Take, now);
            let at = now() + TimeDelta::minutes(minute);
            if minute == 0 && guest_bytes(LEAST_OF_CONVERSATION, at).is_ok() {
                let mut new = conversation(0, n);
                (new.session.sid, new.identity) = (SessionId::from_random(n.to_be_bytes()), identity(n));
                store.open(new).await;
            }
            for second in 0..20 {
                let at = at + TimeDelta::seconds(3 * second);
                let bytes = LEAST_OF_MESSAGE.max(text.len() as u32);
                let may = limits.visitor(&deployment, address(n), Charge::Message, at).is_ok();
                if may && guest_bytes(bytes, at).is_ok() {
                    messages += 1;
                    let (conversations, text, sid) = (store.conversations.clone(), text.to_owned(), messages);
                    writes.spawn(async move {
                        let (account, conversation) =
                            (AccountSid::from_bits(1), ConversationSid::from_bits(n));
                        let new = message(1000 + sid, &text);
                        let append = conversations.append_of_guest(account, identity(n), conversation, new);
                        append.await.unwrap().unwrap();
                    });
                }
            }
        }
    }
    writes.join_all().await;
    let bytes = store.count("SELECT SUM(guest_bytes) FROM conversations").await;
    store.conversations.close().await;
    let file = Path::new(store.url.strip_prefix("sqlite:").unwrap());
    (u64::try_from(bytes).unwrap(), fs::metadata(file).unwrap().len())
}
