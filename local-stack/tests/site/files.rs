//! The site's files, their content types and their policy.

use std::fs;

use local_stack::{Edge, demo};
use serde_json::Value;

use crate::visit::Visit;

#[actix_web::test]
async fn page_and_module_have_their_content_types() {
    let visit = Visit::begins(Edge::Open).await;
    let page = visit.gets("/").await.text().await.unwrap();
    assert!(page.contains("<script type=\"module\" src=\"main.js\">"));
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/desk", "text/html; charset=utf-8"),
        ("/demo.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/webchat-session.js", "text/javascript; charset=utf-8"),
        ("/elsewhere.html", "text/html; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/settings.json", "application/json"),
    ] {
        let answer = visit.gets(path).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &kind.parse().unwrap())
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    assert_eq!(visit.gets("/nothing").await.status(), 404);
    // Every file that the pages and their modules refer to exists.
    let named = |text: String| -> Vec<String> {
        let quoted = text.split(['"', '\'']).filter(|part| !part.contains(['\n', '{', ' ']));
        quoted
            .filter(|part| [".js", ".css", ".svg"].iter().any(|end| part.ends_with(end)))
            .map(str::to_owned)
            .collect()
    };
    let mut files = named(page);
    for path in [
        "/desk",
        "/main.js",
        "/desk-page.js",
        "/desk.js",
        "/chat.js",
        "/sequence.js",
        "/outbox.js",
        "/drawing.js",
    ] {
        files.extend(named(visit.gets(path).await.text().await.unwrap()));
    }
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        let path = file.trim_start_matches("./");
        assert_eq!(visit.gets(&format!("/{path}")).await.status(), 200, "{path}");
    }
}

#[actix_web::test]
async fn content_security_policy_allows_only_the_sites_own_files() {
    let visit = Visit::begins(Edge::Open).await;
    let policy = visit.gets("/").await.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let directives: Vec<&str> = policy.split("; ").collect();
    assert!(directives.contains(&"default-src 'self'"), "{policy}");
    assert!(directives.contains(&format!("connect-src 'self' {}", visit.endpoint).as_str()), "{policy}");
    let elsewhere = visit.origin.replace("127.0.0.1", "localhost");
    assert!(directives.contains(&format!("frame-src {elsewhere}").as_str()), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[actix_web::test]
async fn the_pages_deployment_allows_only_its_origin() {
    let visit = Visit::begins(Edge::Open).await;
    let settings: Value = visit.gets("/settings.json").await.json().await.unwrap();
    assert_eq!(settings["throughStarship"], false);
    assert!(visit.accounts().contains(&format!("allowed_origins = [\"{}\"]", visit.origin)));
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4701");
    assert_eq!(guest.creates_token().await.status, 200);
    let elsewhere = settings["elsewhere"].as_str().unwrap();
    assert_ne!(elsewhere, visit.origin);
    let refused = guest.with("origin", elsewhere).creates_token().await;
    assert_eq!((refused.status, refused.code()), (403, "origin_not_allowed"));
}

#[actix_web::test]
async fn the_other_origin_redirects_to_the_page() {
    let visit = Visit::begins(Edge::Open).await;
    let elsewhere = visit.origin.replace("127.0.0.1", "localhost");
    let sent_on = visit.gets_from(&elsewhere, "/").await;
    let home = format!("{}/", visit.origin);
    assert_eq!(
        (sent_on.status().as_u16(), sent_on.headers()["location"].to_str().unwrap()),
        (302, home.as_str())
    );
    let frame = visit.gets_from(&elsewhere, "/elsewhere.html").await;
    assert!(frame.url().as_str().starts_with(&elsewhere));
    let policy = frame.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("frame-ancestors {};", visit.origin)), "{policy}");
}

#[test]
fn accounts_get_the_pages_origin_and_keep_edits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.toml");
    let is_there = |page: &str| demo::write_page(&file, page).unwrap();
    assert!(is_there("http://127.0.0.1:1111"));
    let edited = fs::read_to_string(&file).unwrap().replace("medium", "high");
    fs::write(&file, &edited).unwrap();
    assert!(is_there("http://127.0.0.1:2222"));
    assert_eq!(fs::read_to_string(&file).unwrap(), edited.replace(":1111", ":2222"));
    let without: Vec<_> = edited.lines().filter(|line| !line.contains("the demo page")).collect();
    let without = without.join("\n") + "\n";
    fs::write(&file, &without).unwrap();
    assert!(!is_there("http://127.0.0.1:3333"));
    assert_eq!(fs::read_to_string(&file).unwrap(), without);
}
