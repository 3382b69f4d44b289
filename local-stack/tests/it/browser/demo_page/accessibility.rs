//! axe on each state of the demo: both colour schemes, a phone, 200 %, forced colours. `browser/test-package` installs axe.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::browser::demo_page::Demo;

const AXE: &str = "../browser/test/package/node_modules/axe-core/axe.min.js";

/// Window sizes: a desktop, the same at 200 %, a phone.
const SIZES: [(u32, u32); 3] = [(1280, 800), (640, 400), (360, 740)];

const VIOLATIONS: &str = "
    const { violations } = await axe.run(document, {resultTypes: ['violations']})
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`)";

fn axe() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
    fs::read_to_string(file).expect("browser/test-package installs axe")
}

impl Demo {
    /// axe finds nothing, and no part is wider than the window, at each size and in each colour scheme.
    async fn is_accessible(&self, state: &str) {
        for (width, height) in SIZES {
            for scheme in ["light", "dark"] {
                self.looks(width, height, scheme).await;
                let found = self.guest.page.run(VIOLATIONS, &[]).await;
                assert_eq!(found, json!([]), "{state} at {width}, {scheme}");
            }
            let wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(self.guest.evaluates(wider).await, Value::from(0), "{state} at {width}");
        }
        self.looks_with(1280, 800, &[("forced-colors", "active")]).await;
        let found = self.guest.page.run(VIOLATIONS, &[]).await;
        assert_eq!(found, json!([]), "{state} in forced colours");
        self.looks(1280, 800, "light").await;
    }
}

#[tokio::test]
async fn axe_finds_nothing_on_the_page() {
    let demo = Demo::opens_after(&axe()).await;
    demo.is_accessible("form").await;
    demo.begins_a_chat().await;
    demo.guest.page.click("#answer").await;
    demo.guest.until("document.activeElement.matches('.desk textarea')").await;
    demo.guest.page.click("#background summary").await;
    demo.guest.page.run("document.querySelector('#sequence-fold').click()", &[]).await;
    demo.is_accessible("chat and desk").await;
    demo.guest.page.run("document.querySelector('#tab-desk').click()", &[]).await;
    demo.presses("thief").await;
    demo.is_accessible("desk and thief").await;
    demo.guest.page.run("document.querySelector('#tab-guest').click()", &[]).await;
    demo.guest.page.click("#end").await;
    demo.is_accessible("dialog").await;
    demo.agrees().await;
    demo.shows("#over", "You have ended this chat.").await;
    demo.is_accessible("end").await;
}

#[tokio::test]
async fn axe_finds_nothing_on_the_desks_page() {
    let demo = Demo::opens_after(&axe()).await;
    demo.begins_a_chat().await;
    // Scripts of new documents are of one window.
    demo.guest.page.visit(&format!("{}/desk", demo.page)).await;
    demo.shows(".desk-item", "Ada").await;
    demo.is_accessible("list").await;
    demo.guest.page.click(".desk-item").await;
    demo.shows(".desk-form", "Ada").await;
    demo.is_accessible("conversation").await;
}

/// The narrowest border of a message: forced colours remove backgrounds.
const BORDERS: &str = "Math.min(...[...document.querySelectorAll('#messages .message p')].map(text => {
        const { borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(text)
        return borderTopColor === backgroundColor ? 0 : parseFloat(borderTopWidth)
    }))";

#[tokio::test]
async fn bubbles_keep_their_shape_in_forced_colours() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.looks_with(1280, 800, &[("forced-colors", "active")]).await;
    assert_eq!(demo.guest.evaluates(BORDERS).await, 1);
}

#[tokio::test]
async fn nothing_moves_with_reduced_motion() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.draws("The guest starts a chat").await;
    let animation = "getComputedStyle(document.querySelector('.step')).animationName";
    assert_eq!(demo.guest.evaluates(animation).await, "none");
}
