//! Two tabs of one guest share one chat, one refresh, and its end.

use crate::browser::{
    chromium::Chromium,
    life::WELCOME,
    sleep,
    test_env::{TestEnv, refreshes},
};

#[tokio::test]
async fn two_tabs_share_one_session() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    let first = guest.page.tab().await;
    let second = guest.page.new_tab().await;
    guest.page.visit(&env.chat_on()).await;
    guest.reads(&[WELCOME]).await;
    guest.shows_status("chatting").await;
    guest.writes("From the second tab").await;
    guest.reads(&[WELCOME, "From the second tab"]).await;

    guest.page.turn_to(&first).await;
    guest.until("document.querySelector('#status').dataset.refreshedBy === 'another-tab'").await;
    guest.page.click("#read").await;
    guest.reads(&[WELCOME, "From the second tab"]).await;

    // Both wake up at the same time, past the refresh time, which is at most 90 % of six hours.
    let before = refreshes(&env.logged(|_| true).await).len();
    env.plan.clock.advance(chrono::TimeDelta::minutes(330));
    for tab in [&second, &first] {
        guest.page.turn_to(tab).await;
        let set = format!(
            "delete document.querySelector('#status').dataset.refreshedBy
            const wakes = () => {{
                ((...given) => {{ {} }})(5.5)
                document.dispatchEvent(new Event('visibilitychange', {{ bubbles: true }}))
            }}
            const alarm = new BroadcastChannel('alarm')
            alarm.onmessage = wakes
            globalThis.ring = () => {{ alarm.postMessage(''); wakes() }}",
            sleep::FALLS_ASLEEP
        );
        guest.page.run(&set, &[]).await;
    }
    guest.evaluates("ring()").await;
    let mut by = Vec::new();
    for tab in [&first, &second] {
        guest.page.turn_to(tab).await;
        guest.until("document.querySelector('#status').dataset.refreshedBy").await;
        by.push(guest.evaluates("document.querySelector('#status').dataset.refreshedBy").await);
    }
    by.sort_by_key(ToString::to_string);
    assert_eq!(by, ["another-tab", "this-tab"]);
    // Requests are logged in order: no second refresh is in flight.
    guest.writes("Refreshed").await;
    guest.reads(&[WELCOME, "From the second tab", "Refreshed"]).await;
    let after = env.logged(|lines| refreshes(lines).len() > before).await;
    assert_eq!(refreshes(&after).len(), before + 1, "one refresh for both tabs");

    guest.page.click("#end").await;
    guest.shows_status("ended by guest").await;
    guest.page.turn_to(&first).await;
    guest.shows_status("ended by another-tab").await;
}
