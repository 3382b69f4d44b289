//! The CORS table of the contract, section 5, over HTTP: every cell, on the routes with a deployment key; and the
//! preflights of every public route.

use serde_json::json;

use crate::api::{
    CREATE, Fwo, INIT, LIST, OFF, OFF_LISTED, ON, ON_LISTED, OPEN, REFRESH, REVOKE, SHOP, chrome,
    http::Request, messages,
};

const EVIL: &str = "https://evil.example";

fn from(origin: Option<&str>, call: Request) -> Request {
    let call = chrome(call).without("origin");
    match origin {
        Some(origin) => call.header("origin", origin),
        None => call,
    }
}

#[tokio::test]
async fn responses_follow_the_cors_table() {
    let fwo = Fwo::start().await;
    for (deployment, origin, allow_origin, served) in [
        (ON, Some(EVIL), "*", true),
        (ON, None, "*", true),
        (OFF, Some(EVIL), "*", true),
        (OFF, None, "*", true),
        (ON_LISTED, Some(SHOP), SHOP, true),
        (OFF_LISTED, Some(SHOP), SHOP, true),
        (ON_LISTED, Some(EVIL), LIST, false),
        (OFF_LISTED, Some(EVIL), LIST, true),
        (ON_LISTED, None, LIST, false),
        (OFF_LISTED, None, LIST, true),
    ] {
        let cell = format!("{deployment} from {origin:?}");
        let create = Request::post(CREATE).json(&json!({"deploymentKey": deployment}));
        let created = fwo.answers(from(origin, create)).await;
        let refresh = Request::post(REFRESH).json(&json!({"deploymentKey": deployment, "token": "hunter2"}));
        let refreshed = fwo.answers(from(origin, refresh)).await;
        for answer in [&created, &refreshed] {
            assert_eq!(answer.header("access-control-allow-origin"), allow_origin, "{cell}");
            assert_eq!(answer.header("vary"), "Origin", "{cell}");
        }
        if served {
            assert_eq!(created.status, 200, "{cell}");
            refreshed.is_refusal(401, "invalid_token");
        } else {
            created.is_refusal(403, "origin_not_allowed");
            refreshed.is_refusal(403, "origin_not_allowed");
            created.does_not_repeat(EVIL);
        }
    }
}

#[tokio::test]
async fn the_origin_check_precedes_every_other_error() {
    let fwo = Fwo::start().await;
    for deployment in [crate::api::ON_DISABLED, ON_LISTED] {
        let call = Request::post(CREATE).json(&json!({"deploymentKey": deployment}));
        let refused = fwo.answers(from(Some(EVIL), call).without("user-agent")).await;
        refused.is_refusal(403, "origin_not_allowed");
    }
}

#[tokio::test]
async fn preflight_of_every_public_route_allows_the_origin_and_the_widgets_headers() {
    let fwo = Fwo::start().await;
    let messages = messages("CH00000000000000000000000000000001");
    for path in [
        CREATE,
        REFRESH,
        "/v2/Webchat/Tokens/Refresh",
        REVOKE,
        INIT,
        OPEN,
        &messages,
        "/V2/WebChannels",
        "/V1/Configuration/Public",
    ] {
        for origin in [SHOP, EVIL, "null", "http://localhost:8090"] {
            let preflight = Request::new("OPTIONS", path)
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header(
                    "access-control-request-headers",
                    "content-type,x-twilio-sec-decoders,baggage,sentry-trace,x-forwarded-for",
                );
            let answer = fwo.answers(preflight).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert_eq!(answer.header("access-control-max-age"), "7200");
            assert_eq!(answer.header("vary"), "Origin");
            let list = |name: &str| answer.header(name).split(", ").map(str::to_owned).collect::<Vec<_>>();
            for method in ["GET", "POST"] {
                assert!(list("access-control-allow-methods").contains(&method.to_owned()), "{method}");
            }
            for header in [
                "authorization",
                "content-type",
                "dpop",
                "idempotency-key",
                "traceparent",
                "ui-version",
                "webchat-after",
                "webchat-version",
                "x-twilio-sec-decoders",
                "x-twilio-sec-usersettings",
                "x-twilio-sec-webchatinfo",
                "baggage",
                "sentry-trace",
            ] {
                assert!(list("access-control-allow-headers").contains(&header.to_owned()), "{header}");
            }
            assert!(!list("access-control-allow-headers").contains(&"x-forwarded-for".to_owned()));
            assert_eq!(answer.header("access-control-allow-credentials"), "", "there are no cookies here");
        }
        assert_eq!(
            fwo.answers(Request::new("OPTIONS", path)).await.header("access-control-allow-origin"),
            "*"
        );
    }
}
