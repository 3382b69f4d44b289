//! The bodies of the public routes: JSON and forms, with field names in three styles, under paths in both cases.

use serde_json::json;

use crate::api::{CREATE, Fwo, OFF, OPEN, REFRESH, chrome, http::Request, is_refused, messages};

#[tokio::test]
async fn json_and_form_fields_accept_three_naming_styles() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    for (deployment, field) in
        [("deploymentKey", "token"), ("DeploymentKey", "Token"), ("deployment_key", "token")]
    {
        for call in [
            Request::post(CREATE).json(&json!({deployment: OFF, "more": [1]})),
            Request::post(CREATE).form(&format!("{deployment}={OFF}&more=1")),
            Request::post(REFRESH).json(&json!({deployment: OFF, field: token})),
            Request::post(REFRESH).form(&format!("{field}={token}&{deployment}={OFF}")),
        ] {
            assert_eq!(fwo.answers(call.clone()).await.status, 200, "{call:?}");
        }
    }
}

#[tokio::test]
async fn paths_are_versioned_case_tolerant_and_refresh_has_two_names() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    let refresh = json!({"deploymentKey": OFF, "token": token});
    for version in ["v2", "V2"] {
        let at = |path: &str| format!("/{version}/{path}");
        for call in [
            Request::post(&at("Webchat/Token")).json(&json!({"deploymentKey": OFF})),
            Request::post(&at("Webchat/Token/Refresh")).json(&refresh),
            Request::post(&at("Webchat/Tokens/Refresh")).form(&format!("DeploymentKey={OFF}&Token={token}")),
            Request::post(&at("Webchat/Token/Revoke"))
                .json(&json!({"deploymentKey": OFF, "token": "no-token"})),
            Request::post(&at("Webchat/Init")).form(&format!("DeploymentKey={OFF}")),
            Request::post(&at("WebChannels")).bearer(&token).json(&json!({})),
        ] {
            let answer = fwo.answers(call.clone()).await;
            assert!(answer.status == 200 || answer.status == 201, "{} to {call:?}", answer.status);
        }
    }
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    for version in ["v2", "V2"] {
        let path = format!("/{version}/WebChannels/{conversation_sid}/Messages");
        assert_eq!(fwo.answers(Request::get(&path).bearer(&token)).await.status, 200);
        let said = Request::post(&path).bearer(&token).json(&json!({"body": "Hello"}));
        assert_eq!(fwo.answers(said).await.status, 201);
    }
    for version in ["v1", "V1"] {
        let path = format!("/{version}/Configuration/Public?AccountSid=AC00000000000000000000000000000001");
        assert_eq!(fwo.answers(Request::get(&path)).await.status, 200);
    }
}

#[tokio::test]
async fn sids_accept_upper_case() {
    let fwo = Fwo::with(|config| {
        let text = crate::api::accounts().replace(&OFF[2..], &format!("{:032x}", 0xabcd));
        std::fs::write(
            &config.accounts_file,
            text.replace("IS0000000000000000000000000000abcd", &OFF.replace("CV", "IS")),
        )
        .unwrap();
    })
    .await;
    for key in ["CV0000000000000000000000000000abcd", "CV0000000000000000000000000000ABCD"] {
        assert_eq!(fwo.creates_token(key).await.status, 200, "{key}");
    }
}

#[tokio::test]
async fn other_content_types_return_415() {
    let fwo = Fwo::start().await;
    for content_type in ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""] {
        let call = Request::post(CREATE).body(content_type, json!({"deploymentKey": OFF}).to_string());
        is_refused(&fwo.answers(chrome(call)).await, 415, "unsupported_media_type", "*");
    }
}

#[tokio::test]
async fn a_content_encoding_returns_415_with_what_is_accepted() {
    let fwo = Fwo::start().await;
    let call = |encoding| {
        let call = Request::post(CREATE).json(&json!({"deploymentKey": OFF}));
        chrome(call).header("content-encoding", encoding)
    };
    for encoding in ["gzip", "br"] {
        let answer = fwo.answers(call(encoding)).await;
        is_refused(&answer, 415, "unsupported_media_type", "*");
        assert_eq!(answer.header("accept-encoding"), "identity");
    }
    let other = fwo.answers(chrome(Request::post(CREATE).body("text/plain", "x"))).await;
    assert_eq!(other.header("accept-encoding"), "", "RFC 9110, section 12.5.3");
    assert_eq!(fwo.answers(call("identity")).await.status, 200);
}

#[tokio::test]
async fn half_an_emoji_and_the_characters_of_office_programs_are_accepted() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    let half = r#"{"customerFriendlyName":"Ada \ud83d","preEngagementData":"{\"query\":\"a\\udc00\\u000bb\",\"name\":\"x\\u202ey\"}"}"#;
    let opened = fwo.answers(Request::post(OPEN).bearer(&token).body("application/json", half)).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let path = messages(&opened.member("conversation_sid"));
    for (body, text) in [
        (r#"{"body":"I am happy \ud83d"}"#, "I am happy \u{fffd}"),
        (r#"{"body":"one\u000btwo\u000cthree\u0085four"}"#, "one\ntwo\nthree\nfour"),
        (r#"{"body":"pay \u202e001\u202c \u2066x\u2069"}"#, "pay 001 x"),
    ] {
        let said = fwo.answers(Request::post(&path).bearer(&token).body("application/json", body)).await;
        assert_eq!((said.status, said.member("body").as_str()), (201, text));
    }
    let empty = Request::post(&path).bearer(&token).body("application/json", r#"{"body":"\u202e"}"#);
    fwo.answers(empty).await.is_refusal(400, "invalid_request");
    let all = fwo.answers(Request::get(&path).bearer(&token)).await.text;
    assert!(all.contains(r#""a\u{fffd}\nb""#) || all.contains("a\u{fffd}\\nb"), "the form's question: {all}");
}

#[tokio::test]
async fn bodies_over_16_kib_are_rejected() {
    let fwo = Fwo::start().await;
    let form = |length: usize| {
        let form = format!("deploymentKey={OFF}&more=");
        form.clone() + &"x".repeat(length - form.len())
    };
    assert_eq!(
        fwo.answers(Request::post(CREATE).form(&form(16 * 1024))).await.status,
        200,
        "the last byte that fits"
    );
    let chunked = format!("4001\r\n{}\r\n0\r\n\r\n", form(16 * 1024 + 1));
    for call in [
        Request::post(CREATE).form(&form(16 * 1024 + 1)),
        Request::post(CREATE).form(&form(1024 * 1024)),
        Request::post(CREATE).header("transfer-encoding", "chunked").form(&chunked),
    ] {
        is_refused(&fwo.answers(chrome(call)).await, 413, "payload_too_large", "*");
    }
}

#[tokio::test]
async fn missing_or_malformed_fields_are_named_without_echo() {
    let fwo = Fwo::start().await;
    let long = "hunter2".repeat(1200);
    for (call, message) in [
        (Request::post(CREATE), "`deploymentKey` is missing."),
        (Request::post(CREATE).json(&json!({})), "`deploymentKey` is missing."),
        (Request::post(CREATE).form(""), "`deploymentKey` is missing."),
        (
            Request::post(CREATE).json(&json!({"deploymentKey": "AC00000000000000000000000000000001"})),
            "`deploymentKey` is malformed: expected CV and 32 hexadecimal digits.",
        ),
        (
            Request::post(CREATE).form("DeploymentKey=CVhunter2"),
            "`DeploymentKey` is malformed: expected CV and 32 hexadecimal digits.",
        ),
        (
            Request::post(CREATE).json(&json!({"deploymentKey": 7})),
            "`deploymentKey` is malformed: expected a string.",
        ),
        (
            Request::post(CREATE).json(&json!({"deploymentKey": OFF, "DeploymentKey": "hunter2"})),
            "`deploymentKey` is given twice.",
        ),
        (
            Request::post(CREATE).form(&format!("deploymentKey={OFF}&deploymentKey=hunter2")),
            "`deploymentKey` is given twice.",
        ),
        (Request::post(REFRESH).json(&json!({"deploymentKey": OFF})), "`token` is missing."),
        (
            Request::post(REFRESH).json(&json!({"deploymentKey": OFF, "token": long})),
            "`token` is malformed: expected a token of 1 to 8192 characters.",
        ),
        (
            Request::post(REFRESH).form(&format!("deploymentKey={OFF}&token=")),
            "`token` is malformed: expected a token of 1 to 8192 characters.",
        ),
        (Request::post(REFRESH).json(&json!(["hunter2", "hunter2"])), "The body must be a JSON object."),
        (
            Request::post(CREATE).body("application/json", "{\"hunter2"),
            "The body is not JSON: line 1, column 9.",
        ),
        (Request::post(CREATE).body("application/json", ""), "`deploymentKey` is missing."),
        (Request::get("/v1/Configuration/Public"), "`AccountSid` is missing."),
        (
            Request::get("/v1/Configuration/Public?AccountSid=hunter2"),
            "`AccountSid` is malformed: expected AC and 32 hexadecimal digits.",
        ),
    ] {
        let answer = fwo.answers(chrome(call.clone())).await;
        is_refused(&answer, 400, "invalid_request", "*");
        assert_eq!(answer.member("message"), message, "{call:?}");
    }
    let token = fwo.token(OFF).await;
    let open = Request::post(OPEN).bearer(&token).json(&json!({"customerFriendlyName": ["hunter2"]}));
    let answer = fwo.answers(open).await;
    answer.is_refusal(400, "invalid_request");
    assert_eq!(answer.member("message"), "`customerFriendlyName` is malformed: expected a string.");
}
