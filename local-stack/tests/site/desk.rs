//! The desk's requests of the page: only the page itself can send them, and only those that its panel needs.

use local_stack::Edge;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::visit::Visit;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4731";

/// A conversation with a question.
async fn conversation(visit: &Visit) -> String {
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4732");
    let token = guest.creates_token().await.text("token");
    guest.opens_conversation(&token).await.text("conversation_sid")
}

/// A request as the page's own script sends it.
fn own(visit: &Visit, method: &Method, path: &str) -> RequestBuilder {
    let call = visit.client.request(method.clone(), format!("{}/control/desk{path}", visit.origin));
    if *method == Method::GET {
        call.header("sec-fetch-site", "same-origin")
    } else {
        call.header("origin", &visit.origin)
    }
}

async fn json(call: RequestBuilder) -> (u16, Value) {
    let answer = call.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[actix_web::test]
async fn the_panel_lists_reads_replies_and_closes() {
    let visit = Visit::begins(Edge::Open).await;
    let mut listening = visit.listens().await;
    let sid = conversation(&visit).await;
    let (status, list) = json(own(&visit, &Method::GET, "/v1/Conversations?PageSize=20")).await;
    assert_eq!((status, &list["conversations"][0]["sid"]), (200, &sid.as_str().into()));

    let messages = format!("/v1/Conversations/{sid}/Messages");
    let reply = || {
        own(&visit, &Method::POST, &messages)
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
            .header("idempotency-key", "once")
            .form(&[("Author", "Grace"), ("Body", "It arrives today.")])
    };
    let (status, created) = json(reply()).await;
    assert_eq!((status, &created["side"], &created["author"]), (201, &"desk".into(), &"Grace".into()));
    assert_eq!(json(reply()).await.1["sid"], created["sid"], "the idempotency key is passed on");
    let (_, read) = json(own(&visit, &Method::GET, &format!("{messages}?Order=desc"))).await;
    assert_eq!(read["messages"][0]["body"], "It arrives today.");

    let path = format!("/v1/Conversations/{sid}");
    let (status, closed) = json(own(&visit, &Method::POST, &path).form(&[("State", "closed")])).await;
    assert_eq!((status, &closed["state"]), (200, &"closed".into()));
    let (status, refused) = json(own(&visit, &Method::POST, &messages).form(&[("Body", "Late")])).await;
    assert_eq!((status, &refused["code"]), (409, &50377.into()), "errors are passed on");

    let is_reply = |(name, arrow): &(String, Value)| name == "arrow" && arrow["trace_id"] == TRACE;
    let events = listening.until(|events| events.iter().any(is_reply)).await;
    let (_, arrow) = events.iter().find(|event| is_reply(event)).unwrap();
    assert_eq!((&arrow["method"], &arrow["status"]), (&"POST".into(), &201.into()));
    assert_eq!(arrow["route"], "/v1/Conversations/CH…/Messages");
    assert!(!listening.read.contains(&visit.desk_secret()));
}

#[actix_web::test]
async fn requests_that_are_not_of_the_page_are_refused() {
    let visit = Visit::begins(Edge::Open).await;
    let sid = conversation(&visit).await;
    let (list, messages) = ("/v1/Conversations".to_owned(), format!("/v1/Conversations/{sid}/Messages"));
    let elsewhere = visit.origin.replace("127.0.0.1", "localhost");
    for (method, path) in [(Method::GET, &list), (Method::GET, &messages), (Method::POST, &messages)] {
        let call = || visit.client.request(method.clone(), format!("{}/control/desk{path}", visit.origin));
        assert_eq!(
            call().send().await.unwrap().status(),
            403,
            "without a header of the browser: {method} {path}"
        );
        for origin in [elsewhere.as_str(), "https://evil.example", "null"] {
            let foreign = call().header("origin", origin).header("sec-fetch-site", "same-origin");
            assert_eq!(foreign.send().await.unwrap().status(), 403, "{origin} {method} {path}");
        }
        let cross = call().header("sec-fetch-site", "cross-site");
        assert_eq!(cross.send().await.unwrap().status(), 403, "{method} {path}");
        // A page with a host name that resolves to this machine (DNS rebinding).
        let rebound = own(&visit, &method, path).header("host", "evil.example");
        assert_eq!(rebound.send().await.unwrap().status(), 421, "{method} {path}");
    }
    // Browsers send no `Origin` with a `GET`, and always one with a `POST`.
    let post = visit.client.post(format!("{}/control/desk{messages}", visit.origin));
    let post = post.header("sec-fetch-site", "same-origin").form(&[("Body", "x")]);
    assert_eq!(post.send().await.unwrap().status(), 403);
    let (_, read) = json(own(&visit, &Method::GET, &messages)).await;
    assert_eq!(read["messages"].as_array().unwrap().len(), 1, "only the welcome message");
}

#[actix_web::test]
async fn other_routes_of_the_desks_api_are_not_reachable() {
    let visit = Visit::begins(Edge::Open).await;
    let sid = conversation(&visit).await;
    let conversation = format!("/v1/Conversations/{sid}");
    for (method, path) in [
        (Method::DELETE, conversation.clone()),
        (Method::GET, conversation.clone()),
        (Method::POST, "/v1/Conversations".to_owned()),
        (Method::DELETE, format!("{conversation}/Messages/IM00000000000000000000000000000001")),
        (Method::GET, "/v1/ParticipantConversations?Identity=x".to_owned()),
        (Method::GET, "/v1/Conversations/../ParticipantConversations?Identity=x".to_owned()),
        (Method::GET, "/v1/Conversations/CH1/Messages".to_owned()),
        (Method::GET, "/v1/Conversations/%2e%2e/Messages".to_owned()),
    ] {
        let call = own(&visit, &method, &path).header("origin", &visit.origin);
        let status = call.send().await.unwrap().status().as_u16();
        assert!([404, 405].contains(&status), "{method} {path}: {status}");
    }
    let (status, _) = json(own(&visit, &Method::GET, &format!("{conversation}/Messages"))).await;
    assert_eq!(status, 200, "it still exists");
}
