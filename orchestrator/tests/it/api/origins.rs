//! Lists of allowed origins in `accounts.toml`, tested over HTTP. The deployment's account has the feature on, so an
//! unlisted origin is rejected.

use serde_json::json;

use crate::api::{CREATE, Fwo, ON, OPEN, chrome, http::Request, is_refused, messages};

/// An orchestrator with one deployment that allows these origins.
async fn allowing(origins: &[&str]) -> Fwo {
    let text =
        crate::api::accounts().replacen("allowed_origins = []", &format!("allowed_origins = {origins:?}"), 1);
    Fwo::with(|config| std::fs::write(&config.accounts_file, text).unwrap()).await
}

/// A request of a page without `Origin`, for the conversation of a session that the page began.
#[tokio::test]
async fn a_same_origin_get_has_the_origin_that_it_was_sent_to() {
    for (list, proxies, public_urls) in [
        (vec!["http://service"], "", ""),
        (vec!["https://other.example", "https://service"], "", ""),
        (vec!["https://chat.example"], "127.0.0.1", ""),
        (vec!["https://chat.example"], "", "https://chat.example/flex"),
    ] {
        let text = crate::api::accounts().replacen(
            "allowed_origins = []",
            &format!("allowed_origins = {list:?}"),
            1,
        );
        let fwo = Fwo::with(|config| {
            std::fs::write(&config.accounts_file, text).unwrap();
            config.trusted_proxies = proxies.parse().unwrap();
            config.public_urls = public_urls.parse().unwrap();
        })
        .await;
        let page = list[list.len() - 1];
        let from_page = |request: Request| chrome(request).without("origin").header("origin", page);
        let create = from_page(Request::post(CREATE)).json(&json!({"deploymentKey": ON}));
        let token = fwo.answers(create).await.member("token");
        let open = from_page(Request::post(OPEN)).bearer(&token).json(&json!({}));
        let path = messages(&fwo.answers(open).await.member("conversation_sid"));
        let read = || {
            let read = chrome(Request::get(&path)).without("origin").bearer(&token);
            if proxies.is_empty() {
                return read;
            }
            read.header("x-forwarded-for", "192.0.2.1").header("x-forwarded-host", "chat.example")
        };
        for served in [
            read().header("sec-fetch-site", "same-origin").header("referer", "https://elsewhere.example/"),
            read().header("referer", format!("{page}/cart?id=7")),
        ] {
            let answer = fwo.answers(served).await;
            assert_eq!(
                (answer.status, answer.header("access-control-allow-origin").as_str()),
                (200, page),
                "{list:?}"
            );
        }
        for refused in [
            read(),
            read().header("sec-fetch-site", "same-site").header("referer", format!("{page}/")),
            read().header("sec-fetch-mode", "cors").header("referer", format!("{page}/")),
            read().header("referer", "https://elsewhere.example/"),
            read().header("referer", "hunter2"),
        ] {
            is_refused(&fwo.answers(refused).await, 403, "origin_not_allowed", &list.join(", "));
        }
    }
    // The origin that it was sent to is not on the list.
    let fwo = allowing(&["https://shop.example.com"]).await;
    let create = chrome(Request::post(CREATE)).without("origin").header("sec-fetch-site", "same-origin");
    let answer = fwo.answers(create.json(&json!({"deploymentKey": ON}))).await;
    is_refused(&answer, 403, "origin_not_allowed", "https://shop.example.com");
}

#[tokio::test]
async fn unlisted_origins_are_rejected() {
    for (list, on_it, not_on_it) in [
        (
            &["https://shop.example.com"][..],
            &["https://shop.example.com"][..],
            &[
                "http://shop.example.com",
                "https://shop.example.com:8443",
                "https://SHOP.example.com",
                "https://a.shop.example.com",
                "https://shop.example.com.evil.example",
                "https://shop.example.com, https://evil.example",
                "null",
            ][..],
        ),
        (
            &["https://*.example.com"],
            &["https://a.example.com", "https://a.b.example.com"],
            &[
                "https://example.com",
                "https://evil-example.com",
                "https://a.example.com:444",
                "http://a.example.com",
                "https://evil.example/.example.com",
                "https://*.example.com",
                "null",
            ],
        ),
        (
            &["http://localhost:8090", "null"],
            &["http://localhost:8090", "null"],
            &["http://localhost", "https://localhost:8090"],
        ),
        (&["https://*.example.com:8443"], &["https://a.example.com:8443"], &["https://a.example.com"]),
    ] {
        let fwo = allowing(list).await;
        let ask = async |origin: &str| {
            let call = chrome(Request::post(CREATE)).without("origin").header("origin", origin);
            fwo.answers(call.json(&json!({"deploymentKey": ON}))).await
        };
        for origin in on_it {
            let answer = ask(origin).await;
            assert_eq!(
                (answer.status, answer.header("access-control-allow-origin").as_str()),
                (200, *origin)
            );
        }
        for origin in not_on_it {
            let answer = ask(origin).await;
            answer.is_refusal(403, "origin_not_allowed");
            assert_eq!(answer.header("access-control-allow-origin"), list.join(", "), "{origin}");
        }
    }
}

#[tokio::test]
async fn ten_origins_can_be_listed() {
    let origins: Vec<String> = (0..10).map(|number| format!("https://shop{number}.example.com")).collect();
    let fwo = allowing(&origins.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let call = chrome(Request::post(CREATE)).without("origin").header("origin", &origins[9]);
    let answer = fwo.answers(call.json(&json!({"deploymentKey": ON}))).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, origins[9].clone()));
}

#[tokio::test]
async fn a_list_allowing_every_site_fails_the_start() {
    let eleven: Vec<String> = (0..11).map(|number| format!("https://shop{number}.example.com")).collect();
    for list in [vec!["*"], vec!["https://*"], eleven.iter().map(String::as_str).collect()] {
        let data = tempfile::tempdir().unwrap();
        let text = crate::api::accounts().replacen(
            "allowed_origins = []",
            &format!("allowed_origins = {list:?}"),
            1,
        );
        let path = data.path().join("accounts.toml");
        std::fs::write(&path, text).unwrap();
        let refused = orchestrator::accounts::AccountsFile::load(path).await.unwrap_err().to_string();
        assert!(refused.contains("line 9"), "the operator is shown where: {refused}");
    }
}

#[tokio::test]
async fn origin_entries_are_normalised_at_load() {
    let written = ["HTTPS://Shop.Example.COM:443/", "https://*.BÜCHER.example/", "http://localhost:80"];
    let fwo = allowing(&written).await;
    let ask = async |origin: &str| {
        let call = chrome(Request::post(CREATE)).without("origin").header("origin", origin);
        fwo.answers(call.json(&json!({"deploymentKey": ON}))).await
    };
    for origin in ["https://shop.example.com", "https://laden.xn--bcher-kva.example", "http://localhost"] {
        let answer = ask(origin).await;
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!((answer.status, allowed.as_str()), (200, origin));
    }
    // Browsers never send them as written.
    for origin in written {
        if origin.is_ascii() {
            ask(origin).await.is_refusal(403, "origin_not_allowed");
        }
    }
}
