//! The sequence diagram: steps, labels and times, and the effect of each button.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{
    demo_page::{Demo, QUESTION, SEQUENCE},
    life::WELCOME,
};

/// For each step, whether it is open; the newest first.
const OPEN: &str = "[...document.querySelectorAll('.step h3 button')].map(one => one.ariaExpanded)";

/// The labels that cross a lifeline of their drawing, or leave it.
const CROSSING: &str = "[...document.querySelectorAll('#steps svg')].flatMap(drawn => {
        const lines = [...drawn.querySelectorAll('.lifeline')].map(line => line.x1.baseVal.value)
        const labels = [...drawn.querySelectorAll('text:not(.participant-name)')]
        return labels.filter(label => {
            const { x, width } = label.getBBox()
            return x < 0 || x + width > drawn.width.baseVal.value || lines.some(line => line > x && line < x + width)
        }).map(label => label.textContent)
    })";

/// The time of the oldest step.
const FIRST_TIME: &str = "document.querySelector('.step:last-child time').textContent";

#[tokio::test]
async fn chat_continues_after_reload_and_in_a_second_tab_with_its_calls_drawn() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.draws("The guest starts a chat").await;
    demo.draws(
        "Browser calls Starship: Create token. Starship calls FWO: Create token. FWO calls FAS: Create token. \
         FAS calls SAS: Generate token. SAS answers FAS: 200",
    )
    .await;
    demo.draws("Browser calls Starship: Open conversation.").await;
    let drawn = demo.guest.evaluates("document.querySelectorAll('#steps svg path.head').length").await;
    assert_eq!(drawn, 16, "two calls, each through four participants and back");
    assert_eq!(demo.guest.evaluates(CROSSING).await, json!([]));
    demo.guest.page.click(".paths summary").await;
    demo.shows(".paths", "FAS → SAS: POST /v1/ScopedAuthTokens/generate/internal").await;
    demo.shows("#background-line", "preflight").await;

    demo.writes("It is order 7").await;
    demo.draws("The guest sends a message").await;
    assert_eq!(demo.guest.evaluates(OPEN).await, json!(["true", "false"]));
    let time = demo.guest.evaluates(FIRST_TIME).await;
    demo.guest.page.reload().await;
    demo.reads(&[QUESTION, WELCOME, "It is order 7"]).await;
    demo.shows("#background-line", "refresh").await;
    assert_eq!(
        demo.guest.evaluates(FIRST_TIME).await,
        time,
        "a step has the time of its calls, not of the page"
    );
    assert_eq!(demo.guest.evaluates(OPEN).await, json!(["true", "false"]), "a refresh is no step");

    let first = demo.guest.page.tab().await;
    demo.guest.page.new_tab().await;
    demo.guest.page.visit(&demo.page).await;
    demo.reads(&[QUESTION, WELCOME, "It is order 7"]).await;
    demo.writes("From the second tab").await;
    demo.reads(&[QUESTION, WELCOME, "It is order 7", "From the second tab"]).await;
    demo.guest.page.click("#end").await;
    demo.agrees().await;
    demo.shows("#over", "You have ended this chat.").await;
    demo.guest.page.turn_to(&first).await;
    demo.shows("#over", "This chat was ended in another tab.").await;
    demo.draws("The guest ends the chat").await;
}

/// Starship logs a request after the response was sent, on a busy machine much later.
const STARSHIPS_LINES_ARE_LATE: &str = "
    globalThis.EventSource = class extends EventSource {
        addEventListener(type, listener) {
            super.addEventListener(type, event => {
                const isStarships = type === 'arrow' && JSON.parse(event.data).service === 'Starship'
                isStarships ? setTimeout(listener, 500, event) : listener(event)
            })
        }
    }";

#[tokio::test]
async fn late_starship_log_lines_are_sorted_into_the_sequence() {
    let demo = Demo::opens_after(STARSHIPS_LINES_ARE_LATE).await;
    demo.begins_a_chat().await;
    for whole in [
        "Browser calls Starship: Create token. Starship calls FWO: Create token.",
        "Browser calls Starship: Open conversation. Starship calls FWO: Open conversation.",
    ] {
        demo.draws(whole).await;
    }
    let twice = format!("{SEQUENCE}.split('Browser calls Starship: Create token.').length - 1");
    assert_eq!(demo.guest.evaluates(&twice).await, 1, "one request is drawn once");
}

#[tokio::test]
async fn each_button_works_and_the_chat_continues() {
    let demo = Demo::opens().await;
    demo.presses("thief").await;
    demo.shows("#outcome", "Start a chat first").await;
    demo.begins_a_chat().await;

    demo.presses("thief").await;
    demo.shows("#outcome", "Firefox on Linux, with a key of its own: 401 invalid_dpop_proof").await;
    demo.shows("#outcome", "Every header of your browser copied, without its key: 401 invalid_dpop_proof")
        .await;
    demo.draws("The thief calls Starship: Refresh token.").await;
    demo.shows(".step:first-child", "A thief presents the copied token ✕ 401 invalid_dpop_proof").await;
    assert_eq!(demo.guest.evaluates(CROSSING).await, json!([]));
    demo.looks(1280, 800, "dark").await;
    demo.is_pictured("dark.png").await;

    demo.presses("elsewhere").await;
    demo.draws("FWO answers Starship: 403 origin_not_allowed").await;

    demo.presses("expire").await;
    demo.shows("#fact-clock", "is 7 h ahead").await;
    demo.shows(".step:first-child", "Seven hours pass ✓ 200 after 401 expired_token").await;
    demo.writes("Still there?").await;
    demo.reads(&[QUESTION, WELCOME, "Still there?"]).await;

    demo.presses("scoped-auth").await;
    demo.shows("#fact-scoped-auth", "is stopped").await;
    demo.shows("#notice", "upstream_unavailable").await;
    demo.draws("FAS cannot reach SAS.").await;
    demo.looks(360, 780, "light").await;
    demo.is_pictured("narrow.png").await;
    demo.looks(1280, 800, "light").await;
    demo.presses("scoped-auth").await;
    demo.shows("#fact-scoped-auth", "runs").await;
    demo.guest.until("document.querySelector('#notice').textContent === ''").await;
    demo.shows(".step:first-child", "ScopedAuth runs again").await;

    demo.presses("replay").await;
    demo.shows("#outcome", "the chat goes on").await;
    demo.shows(".step:first-child", "An old token is replayed ✓ 200").await;
    demo.is_pictured("failure.png").await;
    demo.writes("And now?").await;
    demo.reads(&[QUESTION, WELCOME, "Still there?", "And now?"]).await;
    assert_eq!(demo.guest.evaluates(&format!("{SEQUENCE}.includes('revoked_token')")).await, false);
}

/// Whether the thief's refusal is in the sequence and in the window.
const REFUSAL_IS_IN_VIEW: &str = "[...document.querySelectorAll('.sequence .outcome')].some(one => {
        const { left, top, height, width } = one.getBoundingClientRect()
        const point = document.elementFromPoint(left + width / 2, top + height / 2)
        return one.textContent === '✕ 401 invalid_dpop_proof' && one.contains(point)
    })";

#[tokio::test]
async fn the_thiefs_refusal_is_in_view_ten_seconds_after_the_press() {
    for (width, height) in [(1280, 800), (360, 740)] {
        let demo = Demo::opens().await;
        demo.begins_a_chat().await;
        demo.looks(width, height, "light").await;
        demo.presses("thief").await;
        demo.draws("401 invalid_dpop_proof").await;
        // Waiting calls, refreshes and the desk's reads go on meanwhile.
        let first = demo.guest.page.tab().await;
        demo.guest.page.new_tab_in_front().await;
        demo.guest.page.visit(&demo.page).await;
        demo.reads(&[QUESTION, WELCOME]).await;
        demo.guest.page.close_tab().await;
        demo.guest.page.turn_to(&first).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(demo.guest.evaluates(REFUSAL_IS_IN_VIEW).await, Value::from(true), "{width} × {height}");
    }
}
