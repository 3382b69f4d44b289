//! The page gets assertions with the module, through Starship, and a service of the customer verifies them.

use local_stack::{config::ISSUER, demo};
use serde_json::json;

use crate::{
    browser::{chromium::Chromium, life::WELCOME, test_env::TestEnv, test_env::paths},
    verifier::Verifier,
};

const AUDIENCE: &str = "https://api.example.com";

#[tokio::test]
async fn a_page_gets_an_assertion_that_the_published_keys_verify() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    guest.reads(&[WELCOME]).await;
    let script = "const [audience] = given
        const { createSession } = await import('./webchat-session.js')
        const page = new URLSearchParams(location.search)
        const session = createSession({ endpoint: page.get('endpoint'), deploymentKey: page.get('deployment') })
        await session.resume()
        const made = await Promise.all([audience, audience].map((name) => session.assertion(name)))
        made.push(await session.assertion(audience))
        const unlisted = await session.assertion('https://evil.example').catch(({ code }) => code)
        const { identity, conversationSid } = session
        session.leave()
        return { made, unlisted, identity, conversationSid }";
    let seen = guest.page.run(script, &[json!(AUDIENCE)]).await;
    let [first, second, third] = seen["made"].as_array().unwrap_or_else(|| panic!("{seen}")).as_slice()
    else {
        panic!("{seen}");
    };
    assert!(first == second && second == third, "one request for all three");
    assert_eq!(seen["unlisted"], "invalid_request");

    let keys = guest.fetches(&format!("{}/.well-known/jwks.json", env.endpoint), &json!({})).await;
    assert_eq!((&keys["status"], &keys["headers"]["cache-control"]), (&200.into(), &"max-age=300".into()));
    let verifier = Verifier {
        keys: keys["body"].clone(),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        account_sid: "AC00000000000000000000000000000001".to_owned(),
        clock: env.plan.clock.clone(),
    };
    let claims = verifier.claims(first.as_str().unwrap()).unwrap();
    assert_eq!((&claims["sub"], &claims["conversation_sid"]), (&seen["identity"], &seen["conversationSid"]));
    assert_eq!(claims["deployment_key"], demo::DEPLOYMENT_ON);

    let asked = |lines: &[serde_json::Value]| {
        let of_route = |line: &String| line.starts_with("POST /v2/Webchat/Token/Assertion ");
        paths(lines).into_iter().filter(of_route).collect::<Vec<_>>()
    };
    let logged = env.logged(|lines| asked(lines).len() >= 2).await;
    // The session has a key, and the module a nonce from the calls before.
    let expected = [200, 400].map(|status| format!("POST /v2/Webchat/Token/Assertion {status}"));
    assert_eq!(asked(&logged), expected);
}
