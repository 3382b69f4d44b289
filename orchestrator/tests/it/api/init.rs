//! `POST /v2/Webchat/Init`: the released widget begins a chat in one request. An identity is granted again only to the
//! holder of its proof key (`local-stack/tests/it/sequences/possession.rs`); without the key it is not granted, even if the
//! request names a known identity.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::api::{
    Fwo, INIT, OFF, OFF_LISTED, ON, ON_DISABLED, ON_LISTED, SHOP, chrome, firefox,
    http::{Answer, Request},
    is_refused, orchestrator,
    scripted_peer::{Act, ScriptedPeer},
};

/// A form as the widget sends it.
fn form(deployment: &str, identity: Option<&str>) -> Request {
    let identity = identity.map(|identity| format!("&Identity={identity}")).unwrap_or_default();
    let data = "%7B%22question%22%3A%22Where+is+my+order%3F%22%7D";
    Request::post(INIT).form(&format!(
        "DeploymentKey={deployment}&CustomerFriendlyName=Ada&PreEngagementData={data}{identity}"
    ))
}

/// The same browser in a session that started later.
fn later(request: Request) -> Request {
    let info = "x-twilio-sec-webchatinfo";
    chrome(request).without(info).header(info, r#"{"loginTimestamp":"1895197600000"}"#)
}

#[tokio::test]
async fn init_starts_a_chat_in_one_request() {
    let fwo = Fwo::start().await;
    for deployment in [ON, OFF] {
        let started = fwo.answers(chrome(form(deployment, None))).await;
        assert_eq!(started.status, 201);
        assert_eq!(
            started.members(),
            ["token", "expiration", "expires_in", "refresh_after", "identity", "conversation_sid"]
        );
        started.member("expiration").parse::<DateTime<Utc>>().unwrap();
        let (token, conversation_sid) = (started.member("token"), started.member("conversation_sid"));
        let read = fwo.reads(&token, &conversation_sid, "").await;
        assert_eq!(read.body()["messages"][0]["body"], "Welcome!");
        let opened = fwo.opens_conversation(&token).await;
        assert_eq!(opened.member("conversation_sid"), conversation_sid, "the session has one conversation");
        let refresh = Request::post("/v2/Webchat/Tokens/Refresh");
        let refreshed =
            fwo.answers(chrome(refresh).form(&format!("DeploymentKey={deployment}&Token={token}"))).await;
        assert_eq!(refreshed.member("conversation_sid"), conversation_sid);
        assert_eq!(refreshed.member("identity"), started.member("identity"));
    }
}

#[tokio::test]
async fn json_and_form_fields_accept_three_naming_styles() {
    let fwo = Fwo::start().await;
    for [key, name, data, identity] in [
        ["deploymentKey", "customerFriendlyName", "preEngagementData", "identity"],
        ["DeploymentKey", "CustomerFriendlyName", "PreEngagementData", "Identity"],
        ["deployment_key", "customer_friendly_name", "pre_engagement_data", "identity"],
    ] {
        let unknown = "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77";
        let form = format!("{key}={OFF}&{name}=Ada&{data}=%7B%7D&{identity}={unknown}");
        let json = json!({key: OFF, name: "Ada", data: {"question": "?"}, identity: unknown});
        for call in [Request::post(INIT).form(&form), Request::post(INIT).json(&json)] {
            assert_eq!(fwo.answers(chrome(call.clone())).await.status, 201, "{call:?}");
        }
    }
}

#[tokio::test]
async fn knowing_an_identity_does_not_grant_it() {
    let fwo = Fwo::start().await;
    let known = fwo.answers(chrome(form(ON, None))).await.member("identity");
    let of_the_feature_off = fwo.answers(chrome(form(OFF, None))).await.member("identity");
    let never_chatted = fwo.creates_token(ON).await.member("identity");
    for (who, call, wanted) in [
        ("the same browser", chrome(form(ON, Some(&known))), &known),
        ("the same browser later", later(form(ON, Some(&known))), &known),
        ("another browser", firefox(form(ON, Some(&known))), &known),
        ("another deployment", later(form(ON_LISTED, Some(&known))), &known),
        ("another account", later(form(OFF, Some(&known))), &known),
        ("the feature off", later(form(OFF, Some(&of_the_feature_off))), &of_the_feature_off),
        ("from another account", later(form(ON, Some(&of_the_feature_off))), &of_the_feature_off),
        ("an identity without a chat", later(form(ON, Some(&never_chatted))), &never_chatted),
    ] {
        let started = fwo.answers(call).await;
        assert_eq!(started.status, 201, "silently: {who}");
        assert_ne!(&started.member("identity"), wanted, "{who}");
    }
}

#[tokio::test]
async fn malformed_or_empty_identities_yield_a_new_one() {
    let fwo = Fwo::start().await;
    for identity in ["", "hunter2", "%00", "0b0e7a3c52a14b578f1e5d2f4f1c9a77"] {
        let started = fwo.answers(chrome(form(OFF, Some(identity)))).await;
        assert_eq!(started.status, 201, "{identity}");
        started.member("identity").parse::<uuid::Uuid>().unwrap();
        started.does_not_repeat("hunter2");
    }
    for identity in [json!(7), json!(null), json!({"a": 1})] {
        let call = Request::post(INIT).json(&json!({"deploymentKey": OFF, "identity": identity}));
        assert_eq!(fwo.answers(chrome(call)).await.status, 201, "{identity}");
    }
}

#[tokio::test]
async fn init_rejects_what_other_routes_reject_before_creating_anything() {
    let (data, peer) = (tempfile::tempdir().unwrap(), ScriptedPeer::that(Act::Close).await);
    let fwo = orchestrator(&data, peer.address, |_| {}).await;
    let ask = async |request: Request| -> Answer { request.send(fwo.address()).await };
    let evil = chrome(form(ON_LISTED, None)).without("origin").header("origin", "https://evil.example");
    is_refused(&ask(evil).await, 403, "origin_not_allowed", crate::api::LIST);
    is_refused(&ask(chrome(form(ON_DISABLED, None))).await, 403, "deployment_key_disabled", SHOP);
    let hidden = chrome(form(ON_LISTED, None)).without("user-agent");
    is_refused(&ask(hidden).await, 403, "fingerprint_unavailable", SHOP);
    let unknown = form("CV000000000000000000000000000000ff", None);
    is_refused(&ask(chrome(unknown)).await, 404, "deployment_key_not_found", "*");
    for (body, field) in [
        ("CustomerFriendlyName=Ada".to_owned(), "`deploymentKey` is missing"),
        (
            format!("DeploymentKey={OFF_LISTED}&CustomerFriendlyName={}", "x".repeat(257)),
            "`customerFriendlyName` is",
        ),
        (format!("DeploymentKey={OFF_LISTED}&CustomerFriendlyName=hunter2%00"), "`customerFriendlyName` is"),
    ] {
        let refused = ask(chrome(Request::post(INIT).form(&body))).await;
        refused.is_refusal(400, "invalid_request");
        assert!(refused.member("message").starts_with(field), "{}", refused.text);
        refused.does_not_repeat("hunter2");
    }
    assert!(peer.seen().is_empty());
}
