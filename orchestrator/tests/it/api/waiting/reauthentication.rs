//! A waiting request is authenticated again before it gets a message that was stored while it waited: with the current
//! accounts, token, revocations, browser and page.

use std::{fs, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use orchestrator::accounts::SecretDigest;
use serde_json::json;
use test_support::eventually;

use super::{Guest, LIMIT};
use crate::api::{
    Fwo, OFF, ON, ON_LISTED, OPERATOR_SECRET, REFRESH, accounts, chrome, firefox,
    http::{Answer, Request},
    messages,
};

/// API keys of the two accounts, with one secret.
const KEYS: [&str; 2] = ["SK00000000000000000000000000000001", "SK00000000000000000000000000000002"];
const SECRET: &str = "secret-of-the-desk";

/// What the guest must not get.
const MESSAGE: &str = "Your code is 1234.";

/// The services, with a desk and a file of accounts that is followed.
struct Chat {
    fwo: Fwo,
    accounts: PathBuf,
}

impl Chat {
    async fn start() -> Self {
        let mut file = PathBuf::new();
        let fwo = Fwo::with(|config| {
            config.desk_listen = Some("127.0.0.1:0".parse().unwrap());
            config.accounts_period = Duration::from_millis(2);
            file.clone_from(&config.accounts_file);
            fs::write(&file, with_keys(&accounts())).unwrap();
        })
        .await;
        Self { fwo, accounts: file }
    }

    /// Replaces a text of `accounts.toml` wherever it occurs.
    fn edits(&self, old: &str, new: &str) {
        let text = accounts();
        assert!(text.contains(old), "{old} in {text}");
        fs::write(&self.accounts, with_keys(&text.replace(old, new))).unwrap();
    }

    /// Waits until this request is answered with this code.
    async fn until_refused(&self, request: Request, code: &str) {
        eventually(LIMIT, code, async || {
            let answer = self.fwo.answers(request.clone()).await;
            answer.status != 200 && answer.member("code") == code
        })
        .await;
    }

    /// The desk of one account or the other writes the message.
    async fn desk_writes(&self, sid: &str) {
        for key in KEYS {
            let basic = format!("Basic {}", STANDARD.encode(format!("{key}:{SECRET}")));
            let path = format!("/v1/Conversations/{sid}/Messages");
            let request = Request::post(&path).header("authorization", basic);
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("Author", "Grace"), ("Body", MESSAGE)])
                .finish();
            let written = request.form(&body).send(self.fwo.running.additional_addresses()[0]).await;
            if written.status == 201 {
                return;
            }
            assert_eq!(written.status, 404, "{}", written.text);
        }
        panic!("no account has the conversation");
    }

    /// The answer to a request that waits while `change` happens, and then the desk writes.
    async fn answer(&self, request: Request, sid: &str, change: impl Future<Output = ()>) -> Answer {
        let act = async {
            self.fwo.has_waiting(1).await;
            change.await;
            self.fwo.has_waiting(1).await;
            self.desk_writes(sid).await;
        };
        let (answer, ()) = tokio::join!(self.fwo.answers(request), act);
        self.fwo.has_waiting(0).await;
        answer
    }
}

/// Adds an API key to each account.
fn with_keys(accounts: &str) -> String {
    let digest = SecretDigest::of(SECRET.as_bytes()).to_hex();
    let mut parts = accounts.split("[[account]]");
    let first = parts.next().unwrap().to_owned();
    parts.zip(KEYS).fold(first, |text, (part, key)| {
        format!(
            "{text}[[account]]{part}[[account.api_key]]\nsid = \"{key}\"\nsecret_sha256 = \"{digest}\"\n\
             scope = [\"read\", \"write\"]\n"
        )
    })
}

/// A waiting request of the guest, with the headers of no browser yet.
fn wait(guest: &Guest<'_>) -> Request {
    Request::get(&(messages(&guest.sid) + "?after=0&wait=25")).bearer(&guest.token)
}

fn refresh(deployment_key: &str, token: &str) -> Request {
    Request::post(REFRESH).json(&json!({"deploymentKey": deployment_key, "token": token}))
}

/// Asserts the error, and that the message is not in the answer.
#[track_caller]
fn is_withheld(answer: &Answer, status: u16, code: &str) {
    answer.is_refusal(status, code);
    assert!(!answer.text.contains(MESSAGE), "{}", answer.text);
}

#[tokio::test]
async fn a_session_that_changed_nothing_gets_the_message() {
    let chat = Chat::start().await;
    let guest = Guest::of(&chat.fwo, ON).await;
    let answer = chat.answer(chrome(wait(&guest)), &guest.sid, async {}).await;
    assert_eq!(super::texts(&answer), [MESSAGE]);
}

#[tokio::test]
async fn a_session_that_an_operator_revoked_while_it_waited_is_given_nothing() {
    let chat = Chat::start().await;
    for deployment in [ON, OFF] {
        let guest = Guest::of(&chat.fwo, deployment).await;
        let revoke = async {
            let subject = json!({"deploymentKey": deployment});
            let request = Request::post("/v1/Revocations").bearer(OPERATOR_SECRET).json(&subject);
            let revoked = request.send(chat.fwo.scoped_auth.admin_address).await;
            assert_eq!(revoked.status, 200, "{}", revoked.text);
        };
        let answer = chat.answer(chrome(wait(&guest)), &guest.sid, revoke).await;
        is_withheld(&answer, 401, "revoked_token");
    }
}

#[tokio::test]
async fn a_session_whose_token_expired_while_it_waited_is_given_nothing() {
    let chat = Chat::start().await;
    for deployment in [ON, OFF] {
        let guest = Guest::of(&chat.fwo, deployment).await;
        let expire = async { chat.fwo.clock.advance(TimeDelta::hours(6)) };
        let answer = chat.answer(chrome(wait(&guest)), &guest.sid, expire).await;
        is_withheld(&answer, 401, "expired_token");
    }
}

/// The session lives on in its next token, which the waiting request does not have.
#[tokio::test]
async fn a_token_that_expired_while_it_waited_is_given_nothing_of_its_living_session() {
    let chat = Chat::start().await;
    let guest = Guest::of(&chat.fwo, ON).await;
    let expire = async {
        chat.fwo.clock.advance(TimeDelta::hours(5));
        let next = chat.fwo.refreshes_token(ON, &guest.token).await.member("token");
        chat.fwo.clock.advance(TimeDelta::hours(2));
        let said = chat.fwo.says(&next, &guest.sid, &json!({"body": MESSAGE})).await;
        assert_eq!(said.status, 201, "{}", said.text);
    };
    let act = async {
        chat.fwo.has_waiting(1).await;
        expire.await;
    };
    let (answer, ()) = tokio::join!(chat.fwo.answers(chrome(wait(&guest))), act);
    is_withheld(&answer, 401, "expired_token");
}

#[tokio::test]
async fn another_browser_is_given_nothing_once_the_fingerprint_is_enforced() {
    let chat = Chat::start().await;
    let on = "webchat_security = true";
    chat.edits(on, &format!("{on}\nfingerprint_mode = \"shadow\""));
    let guest = Guest::of(&chat.fwo, ON).await;
    eventually(LIMIT, "shadow mode", async || {
        chat.fwo.answers(firefox(refresh(ON, &guest.token))).await.status == 200
    })
    .await;
    let enforce = async {
        chat.edits(on, on);
        chat.until_refused(firefox(refresh(ON, &guest.token)), "fingerprint_invalid").await;
    };
    let answer = chat.answer(firefox(wait(&guest)), &guest.sid, enforce).await;
    is_withheld(&answer, 403, "fingerprint_invalid");
}

#[tokio::test]
async fn a_browser_is_given_nothing_once_the_fingerprint_is_switched_on() {
    let chat = Chat::start().await;
    let guest = Guest::of(&chat.fwo, OFF).await;
    let switch_on = async {
        chat.edits("webchat_security = false", "webchat_security = true");
        let read = chrome(Request::get(&messages(&guest.sid))).bearer(&guest.token);
        chat.until_refused(read, "fingerprint_invalid").await;
    };
    let answer = chat.answer(chrome(wait(&guest)), &guest.sid, switch_on).await;
    is_withheld(&answer, 403, "fingerprint_invalid");
}

#[tokio::test]
async fn a_page_is_given_nothing_once_its_origin_is_no_longer_allowed() {
    let chat = Chat::start().await;
    let guest = Guest::of(&chat.fwo, ON_LISTED).await;
    let remove = async {
        chat.edits("\"https://shop.example.com\", ", "");
        chat.until_refused(chrome(refresh(ON_LISTED, &guest.token)), "origin_not_allowed").await;
    };
    let answer = chat.answer(chrome(wait(&guest)), &guest.sid, remove).await;
    is_withheld(&answer, 403, "origin_not_allowed");
}

#[tokio::test]
async fn a_deployment_that_is_switched_off_or_removed_gives_nothing() {
    for (old, new, of_refresh, status, code) in [
        ("enabled = true", "enabled = false", "deployment_key_disabled", 403, "deployment_key_disabled"),
        (ON, "CV00000000000000000000000000000099", "deployment_key_not_found", 401, "invalid_token"),
    ] {
        let chat = Chat::start().await;
        let guest = Guest::of(&chat.fwo, ON).await;
        let change = async {
            chat.edits(old, new);
            chat.until_refused(chrome(refresh(ON, &guest.token)), of_refresh).await;
        };
        let answer = chat.answer(chrome(wait(&guest)), &guest.sid, change).await;
        is_withheld(&answer, status, code);
    }
}
