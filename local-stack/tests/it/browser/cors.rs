//! The CORS table (contract, section 5) from pages on different origins: what the browser lets a page read, and what
//! the service received nonetheless.

use local_stack::StackConfig;
use serde_json::{Value, json};

use crate::browser::{
    chromium::Chromium,
    site::Site,
    test_env::{TestEnv, paths},
};

/// Deployments of the account with the feature on, then of the account with it off: without a list, with the shop and
/// its subdomains, with `null`.
const DEPLOYMENTS: [[&str; 3]; 2] = [
    [
        "CV00000000000000000000000000000001",
        "CV00000000000000000000000000000011",
        "CV00000000000000000000000000000021",
    ],
    [
        "CV00000000000000000000000000000002",
        "CV00000000000000000000000000000012",
        "CV00000000000000000000000000000022",
    ],
];

fn accounts(plan: &mut StackConfig, site: &Site) {
    let shop = site.origin("shop");
    // As an operator may write them: upper case and trailing slash are normalised.
    let written = shop.replace("http", "HTTP").replace("shop", "Shop") + "/";
    let below = shop.replace("shop", "*.shop");
    let lists = [String::new(), format!("{written:?}, {below:?}"), "\"null\"".to_owned()];
    let mut text = String::new();
    for (number, (feature, keys)) in [true, false].iter().zip(DEPLOYMENTS).enumerate() {
        let sid = number + 1;
        text += &format!(
            "[[account]]\nsid = \"AC{sid:032}\"\nwebchat_security = {feature}\n\
             conversations_service_sid = \"IS{sid:032}\"\n"
        );
        for (key, list) in keys.iter().zip(&lists) {
            text += &format!(
                "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"IG{sid:032}\"\n\
                 allowed_origins = [{list}]\nenabled = true\n"
            );
        }
    }
    std::fs::write(plan.accounts_file(), text).unwrap();
}

/// A request that needs a preflight, like those of the released widget and of the module.
fn create(deployment: &str) -> Value {
    json!({
        "method": "POST",
        "headers": {
            "content-type": "application/json",
            "x-twilio-sec-webchatinfo": r#"{"loginTimestamp":"1795197600000"}"#,
        },
        "body": json!({"deploymentKey": deployment}).to_string(),
    })
}

/// The result of one request: the status that the page could read, and the status that Starship logged.
async fn outcome(env: &TestEnv, guest: &Chromium, call: &Value) -> (Option<u64>, u64) {
    let posts =
        |lines: &[Value]| lines.iter().filter(|line| line["method"] == "POST").cloned().collect::<Vec<_>>();
    let before = posts(&env.logged(|_| true).await).len();
    let answer = guest.fetches(&format!("{}/v2/Webchat/Token", env.endpoint), call).await;
    let asked = posts(&env.logged(|lines| posts(lines).len() > before).await);
    (answer["status"].as_u64(), asked.last().unwrap()["status"].as_u64().unwrap())
}

#[tokio::test]
async fn browsers_enforce_the_cors_table() {
    let env = TestEnv::with(accounts).await;
    let guest = Chromium::start().await;
    for (host, [on_empty, on_listed], [off_empty, off_listed]) in [
        ("shop", [(Some(200), 200), (Some(200), 200)], [(Some(200), 200), (Some(200), 200)]),
        ("a.b.shop", [(Some(200), 200), (Some(200), 200)], [(Some(200), 200), (Some(200), 200)]),
        // With the feature off it is served, and the browser withholds the response.
        ("evil", [(Some(200), 200), (None, 403)], [(Some(200), 200), (None, 200)]),
        ("evil-shop", [(Some(200), 200), (None, 403)], [(Some(200), 200), (None, 200)]),
    ] {
        guest.page.visit(&(env.site.origin(host) + "/blank")).await;
        for ([empty, listed, null], [without, with]) in
            DEPLOYMENTS.into_iter().zip([[on_empty, on_listed], [off_empty, off_listed]])
        {
            for (deployment, expected) in [(empty, without), (listed, with)] {
                let found = outcome(&env, &guest, &create(deployment)).await;
                assert_eq!(found, expected, "{deployment} from {host}");
            }
            let (read, _) = outcome(&env, &guest, &create(null)).await;
            assert_eq!(read, None, "{host} is not null");
        }
    }
}

#[tokio::test]
async fn opaque_origins_must_be_listed_explicitly() {
    let env = TestEnv::with(accounts).await;
    let guest = Chromium::start().await;
    // Even on the shop's page: a sandboxed frame has an opaque origin.
    guest.page.visit(&(env.site.origin("shop") + "/blank")).await;
    for [empty, listed, null] in DEPLOYMENTS {
        for (deployment, readable) in [(empty, true), (listed, false), (null, true)] {
            let script = "const [url, options] = given
                const frame = document.createElement('iframe')
                frame.sandbox = 'allow-scripts'
                frame.srcdoc = `<script>fetch(${JSON.stringify(url)}, ${JSON.stringify(options)}).then(
                    answer => answer.json().then(body => ({ origin, status: answer.status, body })),
                    error => ({ origin, threw: String(error) })).then(result => parent.postMessage(result, '*'))</scr` + `ipt>`
                const result = new Promise(resolve => addEventListener('message', resolve, { once: true }))
                document.body.append(frame)
                return (await result).data";
            let url = format!("{}/v2/Webchat/Token", env.endpoint);
            let result = guest.page.run(script, &[json!(url), create(deployment)]).await;
            assert_eq!(result["origin"], "null");
            assert_eq!(result["status"].as_u64(), readable.then_some(200), "{deployment}: {result}");
        }
    }
}

#[tokio::test]
async fn only_allowed_pages_can_read_error_responses() {
    let env = TestEnv::with(accounts).await;
    let guest = Chromium::start().await;
    let [_, listed, _] = DEPLOYMENTS[0];
    let post = |headers: Value, body: String| json!({"method": "POST", "headers": headers, "body": body});
    let json_type = || json!({"content-type": "application/json"});
    let malformed = json!({"content-type": "application/json", "x-twilio-sec-usersettings": "{"});
    let token = json!({"deploymentKey": listed, "token": "hunter2"}).to_string();
    let key = json!({"deploymentKey": listed}).to_string();
    let of_the_account = [
        ("Token/Refresh", post(json_type(), token), 401, "invalid_token"),
        ("Token", post(malformed, key.clone()), 403, "fingerprint_unavailable"),
    ];
    let unknown = json!({"deploymentKey": "CV000000000000000000000000000000ff"}).to_string();
    // Before the account is known, every origin may read.
    let of_nobody = [
        ("Token", post(json_type(), unknown), 404, "deployment_key_not_found"),
        ("Token", post(json_type(), "{".to_owned()), 400, "invalid_request"),
        (
            "Token",
            post(json!({"content-type": "application/json"}), format!("{key}{}", " ".repeat(17_000))),
            413,
            "payload_too_large",
        ),
        ("Token", post(json!({"content-type": "text/plain"}), key), 415, "unsupported_media_type"),
        ("Nothing", json!({"method": "GET"}), 404, "not_found"),
        ("Token", json!({"method": "GET"}), 405, "method_not_allowed"),
    ];
    for (host, is_allowed) in [("shop", true), ("evil", false)] {
        guest.page.visit(&(env.site.origin(host) + "/blank")).await;
        let readable = of_the_account.iter().map(|call| (call, is_allowed));
        for ((path, call, status, code), is_readable) in
            readable.chain(of_nobody.iter().map(|call| (call, true)))
        {
            let answer = guest.fetches(&format!("{}/v2/Webchat/{path}", env.endpoint), call).await;
            if is_readable {
                assert_eq!(
                    (&answer["status"], &answer["body"]["code"]),
                    (&json!(status), &json!(code)),
                    "{answer}"
                );
                assert!(answer["headers"]["request-id"].is_string(), "{code} has a request id for support");
                assert!(answer["headers"]["date"].is_string(), "{code} has the server's time");
            } else {
                assert!(answer["threw"].is_string(), "{host} reads {answer}");
            }
        }
    }
}

#[tokio::test]
async fn preflight_is_cached_and_forbids_headers_about_the_client() {
    let env = TestEnv::with(accounts).await;
    let guest = Chromium::start().await;
    let [empty, ..] = DEPLOYMENTS[0];
    guest.page.visit(&(env.site.origin("shop") + "/blank")).await;
    let url = format!("{}/v2/Webchat/Token", env.endpoint);
    let mut call = create(empty);
    for (header, value) in [
        ("x-twilio-sec-decoders", "{}"),
        ("x-twilio-sec-usersettings", r#"{"language":"en","cookieEnabled":true,"userTimezone":0}"#),
        ("ui-version", "1"),
        ("webchat-version", "2"),
        ("webchat-after", "3"),
        ("idempotency-key", "4"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("authorization", "Bearer unused"),
    ] {
        call["headers"][header] = json!(value);
    }
    for _ in 0..3 {
        assert_eq!(guest.fetches(&url, &call).await["status"], 200);
    }
    let asked = paths(&env.logged(|lines| lines.len() >= 4).await);
    let created = "POST /v2/Webchat/Token 200";
    assert_eq!(
        asked,
        ["OPTIONS /v2/Webchat/Token 204", created, created, created],
        "one preflight for all requests"
    );

    // Of the site's own monitoring.
    call["headers"]["sentry-trace"] = json!("anything");
    assert_eq!(guest.fetches(&url, &call).await["status"], 200);
    let asked = paths(&env.logged(|lines| lines.len() >= 6).await);
    assert_eq!(asked[4..], ["OPTIONS /v2/Webchat/Token 204", created]);

    call["headers"]["x-original-url"] = json!("/");
    assert!(guest.fetches(&url, &call).await["threw"].is_string());
    let asked = paths(&env.logged(|lines| lines.len() >= 7).await);
    assert_eq!(asked[6..], ["OPTIONS /v2/Webchat/Token 204"], "the request itself is not sent");
}
