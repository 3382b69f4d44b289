//! A guest waits for messages: woken by what is written, by the close of the conversation and by the stop of the service.

mod reauthentication;

use std::time::{Duration, Instant};

use conversations::{Changes, Conversations};
use serde_json::json;
use shared_types::{AccountSid, ConversationSid};
use test_support::eventually;

use crate::api::{
    Fwo, OFF, ON, REVOKE, chrome,
    http::{Answer, Request},
    messages,
};

const LIMIT: Duration = Duration::from_secs(10);

/// A guest with a conversation.
struct Guest<'a> {
    fwo: &'a Fwo,
    token: String,
    sid: String,
}

impl<'a> Guest<'a> {
    async fn of(fwo: &'a Fwo, deployment: &str) -> Self {
        let token = fwo.token(deployment).await;
        let sid = fwo.opens_conversation(&token).await.member("conversation_sid");
        Self { fwo, token, sid }
    }

    async fn waits(&self, query: &str) -> Answer {
        self.fwo.reads(&self.token, &self.sid, query).await
    }

    async fn says(&self, body: &str) {
        let said = self.fwo.says(&self.token, &self.sid, &json!({"body": body})).await;
        assert_eq!(said.status, 201, "{}", said.text);
    }
}

impl Fwo {
    /// Waits until `count` requests wait.
    async fn has_waiting(&self, count: usize) {
        let line = format!("guests_waiting {count}\n");
        eventually(LIMIT, &line, async || {
            Request::get("/metrics").send(self.running.admin_address).await.text.contains(&line)
        })
        .await;
    }
}

fn texts(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.body();
    let messages = body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_wakes_the_guest_that_waits_for_it() {
    let fwo = Fwo::start().await;
    for deployment in [ON, OFF] {
        let (guest, other) = (Guest::of(&fwo, deployment).await, Guest::of(&fwo, deployment).await);
        let act = async {
            fwo.has_waiting(1).await;
            other.says("elsewhere").await;
            fwo.has_waiting(1).await;
            guest.says("hello").await;
        };
        let (waited, ()) = tokio::join!(guest.waits("?after=0&wait=25"), act);
        assert_eq!(texts(&waited), ["hello"]);
        fwo.has_waiting(0).await;
        // What is there already is returned at once, as is a page after an index that does not exist.
        assert_eq!(texts(&guest.waits("?after=0&wait=25").await), ["hello"]);
        assert!(texts(&guest.waits("?after=9&wait=25").await).is_empty());
    }
}

#[tokio::test]
async fn an_empty_page_is_returned_after_the_wait() {
    let fwo = Fwo::start().await;
    let guest = Guest::of(&fwo, ON).await;
    let began = Instant::now();
    let waited = guest.waits("?after=0&wait=1").await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(waited.members(), ["messages", "last_index", "state"]);
    assert_eq!((texts(&waited).len(), waited.member("state").as_str()), (0, "active"));
    let seconds = Request::get("/metrics").send(fwo.running.admin_address).await.text;
    let sum = seconds
        .lines()
        .find(|line| line.contains("seconds_sum") && line.contains("Messages") && line.contains("GET"));
    let sum: f64 = sum.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(sum < 1.0, "the wait counts as duration: {sum} s");
}

#[tokio::test]
async fn a_closed_conversation_wakes_the_guest_and_never_waits() {
    let mut database = None;
    let fwo = Fwo::with(|config| database = Some(config.database.clone())).await;
    let guest = Guest::of(&fwo, ON).await;
    let (account, sid): (AccountSid, ConversationSid) =
        (AccountSid::from_bits(1), guest.sid.parse().unwrap());
    let act = async {
        fwo.has_waiting(1).await;
        // The desk's own store is another process's; here the guest ends the session.
        let fields = json!({"deploymentKey": ON, "token": guest.token});
        let revoked = fwo.answers(chrome(Request::post(REVOKE)).json(&fields)).await;
        assert_eq!(revoked.status, 200, "{}", revoked.text);
    };
    let (waited, ()) = tokio::join!(guest.waits("?after=0&wait=25"), act);
    waited.is_refusal(401, "revoked_token");
    let store = Conversations::open(&database.unwrap()).await.unwrap();
    let record = store.conversation(account, sid).await.unwrap().unwrap();
    assert_eq!(record.state.as_str(), "closed");

    let other = Guest::of(&fwo, ON).await;
    let record = store.conversation(account, other.sid.parse().unwrap()).await.unwrap().unwrap();
    let changes = Changes { close: true, ..Changes::default() };
    store.update_conversation(account, record, changes, chrono::DateTime::UNIX_EPOCH).await.unwrap();
    let closed = other.waits("?after=0&wait=25").await;
    assert_eq!((texts(&closed).len(), closed.member("state").as_str()), (0, "closed"));
}

#[tokio::test]
async fn a_third_request_of_a_session_takes_the_place_of_the_first() {
    let fwo = Fwo::start().await;
    let guest = Guest::of(&fwo, ON).await;
    let first = guest.waits("?after=0&wait=25");
    let rest = async {
        fwo.has_waiting(1).await;
        let second = guest.waits("?after=0&wait=25");
        let third = async {
            fwo.has_waiting(2).await;
            guest.waits("?after=0&wait=25").await
        };
        tokio::join!(second, third)
    };
    let act = async {
        // Replaced by the third.
        let first = first.await;
        let seconds: u64 = first.header("retry-after").parse().unwrap();
        assert!((5..=15).contains(&seconds), "{seconds}");
        assert!(texts(&first).is_empty());
        guest.says("hello").await;
    };
    let ((second, third), ()) = tokio::join!(rest, act);
    assert_eq!((texts(&second), texts(&third)), (vec!["hello".to_owned()], vec!["hello".to_owned()]));
}

#[tokio::test]
async fn a_stopping_service_answers_all_waiting_guests_before_its_drain() {
    let fwo = Fwo::with(|config| config.drain = Duration::from_secs(60)).await;
    let guest = Guest::of(&fwo, ON).await;
    let (address, path) = (fwo.running.address(), messages(&guest.sid) + "?after=0&wait=25");
    let request = chrome(Request::get(&path)).bearer(&guest.token);
    let waiting = tokio::spawn(async move { request.send(address).await });
    fwo.has_waiting(1).await;
    let running = fwo.running;
    let stop = tokio::spawn(running.stop());
    let answer = waiting.await.unwrap();
    assert!(texts(&answer).is_empty() && !answer.header("retry-after").is_empty());
    stop.abort();
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let fwo = Fwo::start().await;
    let guest = Guest::of(&fwo, ON).await;
    {
        let waits = guest.waits("?after=0&wait=25");
        tokio::select! {
            _ = waits => panic!("answered"),
            () = fwo.has_waiting(1) => {}
        }
    }
    fwo.has_waiting(0).await;
}

#[tokio::test]
async fn queries_that_make_no_sense_are_rejected() {
    let fwo = Fwo::start().await;
    let guest = Guest::of(&fwo, OFF).await;
    for n in 1..6 {
        guest.says(&format!("m{n}")).await;
    }
    assert_eq!(texts(&guest.waits("?last=2").await), ["m4", "m5"]);
    assert_eq!(texts(&guest.waits("?last=2&before=4").await), ["m2", "m3"]);
    assert_eq!(texts(&guest.waits("?before=2").await), ["Welcome!", "m1"]);
    for (query, field) in [
        ("?last=0", "last"),
        ("?last=201", "last"),
        ("?last=2&after=1", "after"),
        ("?before=2&after=1", "after"),
        ("?last=2&wait=1", "wait"),
        ("?before=2&wait=1", "wait"),
        ("?wait=soon", "wait"),
        ("?last=-1", "last"),
    ] {
        let refused = guest.waits(query).await;
        refused.is_refusal(400, "invalid_request");
        assert!(
            refused.member("message").starts_with(&format!("`{field}` is ")),
            "{query}: {}",
            refused.text
        );
    }
    let path = messages(&guest.sid);
    let with_header = |query: &str, index: &str| {
        chrome(Request::get(&(path.clone() + query))).bearer(&guest.token).header("webchat-after", index)
    };
    assert_eq!(texts(&fwo.answers(with_header("", "4")).await), ["m5"]);
    fwo.answers(with_header("?after=1", "4")).await.is_refusal(400, "invalid_request");
    fwo.answers(with_header("", "four")).await.is_refusal(400, "invalid_request");
}
