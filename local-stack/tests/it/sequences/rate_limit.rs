//! Rate limits: a low one per visitor, then a high one per deployment; the page can read the error.

use chrono::TimeDelta;

use crate::sequences::{TestEnv, is_reloaded};

#[tokio::test]
async fn rate_limited_visitors_receive_retry_after() {
    let proxies = "127.0.0.1".parse().unwrap();
    let env = TestEnv::with(|plan| plan.trusted_proxies = proxies).await;
    let visitor = env.guest_on().with("x-forwarded-for", "198.51.100.1");
    let mut served = 0;
    let refused = loop {
        env.recorder.take();
        let answer = visitor.creates_token().await;
        if answer.status != 200 {
            break answer;
        }
        served += 1;
    };
    assert!(served >= 30, "{served}");
    assert_eq!((refused.status, refused.code()), (429, "rate_limited"));
    env.equals("rate-limit.md", "A visitor asks too often");
    let after: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&after));
    assert_eq!(refused.header("ratelimit-policy"), r#""visitor_creates";q=30;w=60"#);
    assert_eq!(refused.header("ratelimit"), format!(r#""visitor_creates";r=0;t={after}"#));
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(refused.header("access-control-expose-headers").contains(name));
    }
    let neighbour = env.guest_on().with("x-forwarded-for", "198.51.100.2");
    assert_eq!(neighbour.creates_token().await.status, 200);
    env.plan.clock.advance(TimeDelta::seconds(after));
    assert_eq!(visitor.creates_token().await.status, 200, "at the time of Retry-After");
}

#[tokio::test]
async fn rejected_visitors_do_not_consume_the_deployments_limit() {
    let proxies = "127.0.0.1".parse().unwrap();
    let env = TestEnv::with(|plan| plan.trusted_proxies = proxies).await;
    let mut reloads = env.stack.accounts.reloads();
    let accounts = std::fs::read_to_string(env.plan.accounts_file()).unwrap();
    let limits = "rate_limits = { visitor_creates_per_minute = 2, creates_per_minute = 4 }\nenabled = true";
    std::fs::write(env.plan.accounts_file(), accounts.replace("enabled = true", limits)).unwrap();
    is_reloaded(&mut reloads).await;
    let visitor = |n: u8| env.guest_on().with("x-forwarded-for", &format!("198.51.100.{n}"));
    for _ in 0..10 {
        visitor(1).creates_token().await;
    }
    for n in [2, 3] {
        assert_eq!(visitor(n).creates_token().await.status, 200);
    }
    let refused = visitor(4).creates_token().await;
    assert_eq!(refused.header("ratelimit-policy"), r#""creates";q=4;w=60"#, "the wide limit holds for all");
}

#[tokio::test]
async fn other_routes_have_a_separate_limit() {
    let env = TestEnv::with(|_| {}).await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let mut served = 0;
    let refused = loop {
        let answer = guest.reads_messages(&token, &conversation, Some(7)).await;
        if answer.status != 200 {
            break answer;
        }
        served += 1;
    };
    assert!(served >= 299, "opening was one of 300 requests, {served} followed");
    assert_eq!(refused.header("ratelimit-policy"), r#""visitor_calls";q=300;w=60"#);
    assert_eq!(guest.creates_token().await.status, 200);
}
