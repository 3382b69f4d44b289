//! The create diagrams.

use local_stack::{Participant, Stack, StackConfig, demo};

use crate::sequences::TestEnv;

const FILE: &str = "create-token.md";

#[tokio::test]
async fn feature_off() {
    let env = TestEnv::new().await;
    let answer = env.guest_off().creates_token().await;
    assert_eq!(answer.status, 200);
    env.equals(FILE, "The feature is off");
}

#[tokio::test]
async fn feature_on() {
    let env = TestEnv::new().await;
    let answer = env.guest_on().creates_token().await;
    assert_eq!(answer.status, 200);
    env.equals(FILE, "The feature is on");
}

#[tokio::test]
async fn fingerprint_unavailable() {
    let env = TestEnv::new().await;
    for guest in [
        env.guest_on().without("user-agent"),
        env.guest_on().with("x-twilio-sec-usersettings", "not JSON"),
        env.guest_on().with("x-twilio-sec-webchatinfo", "[]"),
        env.guest_on().with("x-twilio-sec-decoders", r#"{"audio":1}"#),
    ] {
        let answer = guest.creates_token().await;
        assert_eq!((answer.status, answer.code()), (403, "fingerprint_unavailable"));
        env.equals(FILE, "The feature is on and the fingerprint is unavailable");
    }
}

#[tokio::test]
async fn with_flex_configuration() {
    // A second orchestrator plays the Flex Configuration service.
    let data = tempfile::tempdir().unwrap();
    let plan = StackConfig::for_test(data.path());
    std::fs::create_dir_all(&plan.data).unwrap();
    // All deployments have the same list, so that it is the account's.
    let mut accounts = demo::ACCOUNTS.to_owned();
    for own in ["[]", r#"["http://127.0.0.1:8090"]"#] {
        let own = format!("allowed_origins = {own}");
        accounts = accounts.replace(&own, r#"allowed_origins = ["https://shop.example.com"]"#);
    }
    std::fs::write(plan.accounts_file(), accounts).unwrap();
    let flex_configuration = Stack::start(&plan).await.unwrap();

    let env = TestEnv::with(|plan| {
        let wire = plan.wire.connect(
            Participant::Fwo,
            Participant::Fc,
            flex_configuration.orchestrator.admin_address,
        );
        plan.flex_configuration_url = Some(wire);
    })
    .await;
    let answer = env.guest_on().creates_token().await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example.com");
    env.equals("create-token-flex-configuration.md", "Flex Configuration tells the allowed origins");

    // Requests within a second share one fetch.
    env.plan.clock.advance(chrono::TimeDelta::seconds(2));
    let elsewhere = env.guest_on().with("origin", "https://evil.example");
    assert_eq!(elsewhere.creates_token().await.code(), "origin_not_allowed");
    env.equals("create-token-flex-configuration.md", "The page's origin is not among them");

    flex_configuration.stop().await;
    let answer = env.guest_on().creates_token().await;
    assert_eq!(answer.status, 200, "the cached response is used");
    env.recorder.take();
    env.plan.clock.advance(chrono::TimeDelta::seconds(60));
    let answer = env.guest_on().creates_token().await;
    assert_eq!((answer.status, answer.code()), (503, "upstream_unavailable"));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn two_stacks_run_in_one_process() {
    let (one, two) = tokio::join!(TestEnv::new(), TestEnv::new());
    let (here, there) = (one.guest_on(), two.guest_on());
    let (here, there) = tokio::join!(here.creates_token(), there.creates_token());
    one.recorder.take();
    let own = one.guest_on().refreshes_token(&here.text("token")).await;
    assert_eq!(own.status, 200);
    one.equals("refresh-token.md", "The feature is on");
    let foreign = one.guest_on().refreshes_token(&there.text("token")).await;
    assert_eq!((foreign.status, foreign.code()), (401, "invalid_token"), "each stack has keys of its own");
}
