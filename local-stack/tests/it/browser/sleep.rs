//! The laptop sleeps past the token's expiry, and the chat continues when it wakes up.

use chrono::TimeDelta;
use serde_json::json;

use crate::browser::{
    chromium::Chromium,
    life::WELCOME,
    test_env::{TestEnv, refreshes},
};

/// Moves the page's clock forward by this many hours without firing its timers.
pub(crate) const FALLS_ASLEEP: &str = "
    const ahead = given[0] * 3600000, Before = Date, before = performance.now.bind(performance)
    globalThis.Date = class extends Before {
        constructor(...parts) { parts.length ? super(...parts) : super(Before.now() + ahead) }
        static now() { return Before.now() + ahead }
    }
    performance.now = () => before() + ahead";

async fn falls_asleep(guest: &Chromium, hours: u32) {
    guest.page.run(FALLS_ASLEEP, &[json!(hours)]).await;
}

#[tokio::test]
async fn laptop_sleeps_past_token_expiry() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    env.plan.clock.advance(TimeDelta::hours(10));
    falls_asleep(&guest, 10).await;
    guest.page.run("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))", &[]).await;
    guest.until("document.querySelector('#status').dataset.refreshedBy === 'this-tab'").await;
    guest.writes("Good morning").await;
    guest.reads(&[WELCOME, "Good morning"]).await;

    // The guest writes before the page has noticed.
    env.plan.clock.advance(TimeDelta::hours(8));
    falls_asleep(&guest, 8).await;
    guest.writes("Good evening").await;
    guest.reads(&[WELCOME, "Good morning", "Good evening"]).await;
    assert_eq!(guest.refusals().await, "", "the guest sees no error");
    env.logged(|lines| refreshes(lines).len() == 2).await;
}

#[tokio::test]
async fn session_expires_after_a_day_and_a_new_one_starts() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    env.plan.clock.advance(TimeDelta::hours(25));
    falls_asleep(&guest, 25).await;
    guest.page.click("#read").await;
    guest.shows_status("ended by service session_expired").await;
    assert_eq!(guest.refusals().await, "session_expired");
    guest.page.types("#begin input", "Ada").await;
    guest.page.click("#begin button").await;
    guest.shows_status("chatting").await;
    guest.reads(&[WELCOME]).await;
}
