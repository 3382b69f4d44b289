//! The released widget's requests (contract, section 4) from a page in Chromium: forms, headers, preflights, and what
//! the widget does with the responses.

use chrono::TimeDelta;
use local_stack::demo;
use serde_json::{Value, json};

use crate::browser::{
    chromium::Chromium,
    test_env::{TestEnv, paths},
};

/// A request as the widget makes it: a form and its headers; the login timestamp is the session's start.
fn call(login: u64, fields: &[(&str, &str)]) -> Value {
    let answers = json!({"powerEfficient": true, "smooth": true, "supported": true, "keySystemAccess": null});
    json!({
        "method": "POST",
        "headers": {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Sec-Decoders": json!({"audio": answers, "video": answers}).to_string(),
            "X-Twilio-Sec-Usersettings": r#"{"language":"en-US","cookieEnabled":true,"userTimezone":-60}"#,
            "X-Twilio-Sec-Webchatinfo": json!({"loginTimestamp": login}).to_string(),
            "ui-version": "2.15.2",
            "webchat-version": "1.0.0",
        },
        "fields": fields,
    })
}

/// Sends it from the page, which encodes the form itself.
async fn sends(env: &TestEnv, guest: &Chromium, path: &str, call: &Value) -> Value {
    let script = "const [url, { fields, ...options }] = given
        const form = new URLSearchParams()
        for (const [name, value] of fields) form.append(name, value)
        const answer = await fetch(url, { ...options, body: form.toString() })
        const body = await answer.json()
        return { status: answer.status, body, isOver: Date.now() >= new Date(body.expiration),
            ends: new Date(body.expiration).getTime() - Date.now() }";
    guest.page.run(script, &[json!(format!("{}{path}", env.endpoint)), call.clone()]).await
}

const INIT: &str = "/v2/Webchat/Init";
const REFRESH: &str = "/v2/Webchat/Tokens/Refresh";

fn begin<'a>(deployment: &'a str, identity: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("DeploymentKey", deployment),
        ("CustomerFriendlyName", "Ada & Grace"),
        ("PreEngagementData", r#"{"friendlyName":"Ada","query":"Where is my order? 📦"}"#),
    ];
    fields.extend(identity.map(|identity| ("Identity", identity)));
    fields
}

#[tokio::test]
async fn the_widget_starts_and_resumes_a_chat() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&(env.site.origin("shop") + "/blank")).await;
    for deployment in [demo::DEPLOYMENT_ON, demo::DEPLOYMENT_OFF] {
        let started = sends(&env, &guest, INIT, &call(1_795_197_600_000, &begin(deployment, None))).await;
        assert_eq!(started["status"], 201, "{started}");
        // The widget's rule on reload: expired if `Date.now() >= new Date(expiration)`.
        assert_eq!(started["isOver"], false);
        let ends = started["ends"].as_i64().unwrap();
        assert!((21_500_000..=21_600_000).contains(&ends), "expected six hours, not {ends} ms");
        let token = started["body"]["token"].as_str().unwrap();
        let fields = [("DeploymentKey", deployment), ("Token", token)];
        let refreshed = sends(&env, &guest, REFRESH, &call(1_795_197_600_000, &fields)).await;
        assert_eq!((&refreshed["status"], &refreshed["isOver"]), (&json!(200), &json!(false)), "{refreshed}");
        // Without it the widget would not pass the new token to its chat client.
        for same in ["conversation_sid", "identity"] {
            assert_eq!(refreshed["body"][same], started["body"][same], "{same}");
        }
        assert_ne!(refreshed["body"]["token"], started["body"]["token"]);
    }
    let asked = paths(&env.logged(|lines| lines.len() >= 6).await);
    let preflights = asked.iter().filter(|line| line.starts_with("OPTIONS ")).count();
    assert_eq!(preflights, 2, "one preflight for each route: {asked:#?}");
}

#[tokio::test]
async fn the_widget_distinguishes_expired_and_running_sessions() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&(env.site.origin("shop") + "/blank")).await;
    let started =
        sends(&env, &guest, INIT, &call(1_795_197_600_000, &begin(demo::DEPLOYMENT_ON, None))).await;
    env.plan.clock.advance(TimeDelta::hours(7));
    guest.page.run(crate::browser::sleep::FALLS_ASLEEP, &[json!(7)]).await;
    let expiration = started["body"]["expiration"].to_string();
    assert_eq!(guest.evaluates(&format!("Date.now() >= new Date({expiration})")).await, true);
}

/// The released widget keeps no key, so its guests get a new identity after their session.
#[tokio::test]
async fn an_identity_is_not_restored_without_a_proof_key() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&(env.site.origin("shop") + "/blank")).await;
    let first = sends(&env, &guest, INIT, &call(1_795_197_600_000, &begin(demo::DEPLOYMENT_ON, None))).await;
    let identity = first["body"]["identity"].as_str().unwrap();
    let asking = call(1_795_197_600_000, &begin(demo::DEPLOYMENT_ON, Some(identity)));
    let again = sends(&env, &guest, INIT, &asking).await;
    assert_eq!(again["status"], 201, "silently: {again}");
    assert_ne!(again["body"]["identity"], identity);
}
