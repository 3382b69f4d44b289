//! The console transcripts of the documentation are true: each is run again, and prints what the page shows.

mod console;

use std::{fs, path::Path};

use local_stack::{Guest, demo};
use service_runtime::Clock;
use test_support::{
    postgres::Cluster,
    scripted_peer::{Act, ScriptedPeer},
};

use self::console::{Console, blocks};
use super::files::{assert_none, documents, root};
use crate::process::Process;

/// How often a page's transcripts are run here. A new one belongs into a test below.
const RUN: [(&str, usize); 11] = [
    ("README.md", 2),
    ("docs/fingerprint.md", 1),
    ("docs/operations/accounts.md", 1),
    ("docs/operations/compose.md", 1),
    ("docs/operations/database.md", 1),
    ("docs/operations/erasure.md", 1),
    ("docs/operations/incidents.md", 4),
    ("docs/operations/keys.md", 3),
    ("docs/operations/kubernetes.md", 1),
    ("docs/operations/mutual-tls.md", 1),
    ("docs/operations/webhooks.md", 2),
];

/// Commands that other tests run, and which.
const ELSEWHERE: [(&str, &str); 7] = [
    ("cargo run", "local-stack/tests/it/binary/first_minutes.rs"),
    ("./test", ".ci/run"),
    ("deploy/make-secrets", "deploy/test-compose"),
    ("docker compose", "deploy/test-compose"),
    ("kubectl", "deploy/kubernetes/validate"),
    ("orchestrator webhooks failed", "orchestrator/tests/it/webhooks/command.rs"),
    ("orchestrator webhooks replay", "orchestrator/tests/it/webhooks/command.rs"),
];

fn is_run_elsewhere(command: &str) -> bool {
    ELSEWHERE.iter().any(|(start, _)| command.starts_with(start))
}

#[test]
fn every_transcript_is_run() {
    let mut faults = Vec::new();
    for document in documents() {
        let (page, written) = (document.path.display().to_string(), blocks(&document.text).len());
        let run = RUN.iter().find(|(known, _)| *known == page).map_or(0, |(_, run)| *run);
        if written != run {
            faults.push(format!("{page} has {written} transcripts, and {run} are run"));
        }
    }
    for (command, test) in ELSEWHERE {
        if !root().join(test).is_file() {
            faults.push(format!("`{command}` is run by {test}, which is missing"));
        }
    }
    assert_none(&faults);
}

/// A running stack, with a guest who has two conversations and was robbed of a token.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_running_stack() {
    let folder = tempfile::tempdir().unwrap();
    let mut stack = Process::stack(&folder.path().join("data"));
    let [(orchestrator, orchestrator_admin), _, (_, scoped_auth_admin)] = stack.addresses();
    let mut console = Console::new(folder.path());
    let authority = |url: &str| url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    console.value("127.0.0.1:8080", authority(&orchestrator));
    console.value("127.0.0.1:9080", authority(&orchestrator_admin));
    console.value("127.0.0.1:9082", authority(&scoped_auth_admin));
    console.runs("README.md", 0);
    console.runs("README.md", 1);

    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON).with_proof_key(&Clock::system());
    let begun = guest.begins_chat(None).await;
    let again = guest.begins_chat(Some(&begun.text("identity"))).await;
    assert_eq!(again.status, 201, "{}", again.body);
    let bare = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    let token = bare.creates_token().await.text("token");
    let refused = bare.thief_with_firefox().refreshes_token(&token).await;
    let request = refused.header("request-id").to_owned();
    while !stack.until(&request).contains("FlexWebchatOrchestratorService") {}
    fs::write(folder.path().join("services.log"), stack.seen()).unwrap();

    console.value("4b0e2933d55b6be16bdd4794294af569", request);
    console.value("ae2875d3-7947-41d0-9281-4f923d788a97", begun.text("identity"));
    console.variable("SCOPED_AUTH_ADMIN_LISTEN", authority(&scoped_auth_admin));
    console.variable("ORCHESTRATOR_DATABASE_URL", "sqlite://data/conversations.db");
    console.variable("ORCHESTRATOR_ACCOUNTS_FILE", "data/accounts.toml");
    for number in 0..4 {
        console.runs("docs/operations/incidents.md", number);
    }
    console.runs("docs/operations/erasure.md", 0);
}

#[test]
fn keys_are_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let mut console = Console::new(folder.path());
    console.variable("SCOPED_AUTH_KEYS_FILE", "keys.json");
    console.prepare("scoped-auth keys generate");
    for number in 0..3 {
        console.runs("docs/operations/keys.md", number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let mut console = Console::new(folder.path());
    for service in ["ORCHESTRATOR", "SCOPED_AUTH"] {
        console.variable(&format!("{service}_DATABASE_URL"), Cluster::shared().database().await);
    }
    console.runs("docs/operations/database.md", 0);
}

const ACCOUNT: &str = "sid = \"AC00000000000000000000000000000001\"
webchat_security = true
fingerprint_sensitivity = \"medium\"
conversations_service_sid = \"IS00000000000000000000000000000001\"
";

fn deployment(number: u8, origin: &str) -> String {
    format!(
        "\n[[account.deployment]]\nkey = \"CV{number:032}\"\naddress_sid = \"IG00000000000000000000000000000001\"\n\
         allowed_origins = [\"{origin}\"]\nenabled = true\n"
    )
}

fn write_accounts(folder: &Path, accounts: &[&str]) {
    fs::write(folder.join("accounts.toml"), accounts.concat()).unwrap();
}

#[test]
fn accounts_are_checked_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let other = ACCOUNT.replace("01\"\nwebchat", "02\"\nwebchat");
    let account = format!("[[account]]\n{ACCOUNT}");
    let deployments = |origins: [&str; 2]| [deployment(1, origins[0]), deployment(2, origins[1])].concat();
    let rest = format!("\n[[account]]\n{other}{}", deployment(3, "https://example.org"));
    Console::new(folder.path()).runs_with("docs/operations/accounts.md", 0, |step| match step {
        0 => {
            let faulty = deployments(["https://shop.example.com/", "shop.example.com"]);
            write_accounts(
                folder.path(),
                &["# Two deployments have an origin that is\n# not one.\n\n\n", &account, &faulty],
            );
        }
        1 => {
            let correct = deployments(["https://shop.example.com", "https://shop.example.com"]);
            write_accounts(folder.path(), &[&account, &correct, &rest]);
        }
        _ => {}
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_tested() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = ScriptedPeer::that(Act::json(200, "{}")).await;
    let webhook = format!(
        "\n[[account.webhook]]\nurl = \"{}/webchat\"\nsigning_secret_file = \"webhooks/desk\"\n",
        receiver.url()
    );
    let account = format!("[[account]]\n{ACCOUNT}");
    write_accounts(folder.path(), &[&account, &webhook]);
    let mut console = Console::new(folder.path());
    console.variable("ORCHESTRATOR_ACCOUNTS_FILE", "accounts.toml");
    console.variable("ORCHESTRATOR_WEBHOOK_ALLOW_PRIVATE", "true");
    console.value("https://desk.example.com", receiver.url());
    console.runs("docs/operations/webhooks.md", 0);
    console.runs("docs/operations/webhooks.md", 1);
    assert_eq!(receiver.seen().len(), 1);
}

/// Chrome, four weeks and a flight later.
#[test]
fn a_fingerprint_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let headers = |version: u8, timezone: i16| {
        format!(
            "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/{version}.0.0.0 Safari/537.36\nOrigin: https://shop.example.com\nAccept-Language: de\nAccept-Encoding: gzip, br\n\
             x-twilio-sec-usersettings: {{\"userTimezone\":{timezone}}}\n\
             x-twilio-sec-webchatinfo: {{\"loginTimestamp\":1}}\n"
        )
    };
    fs::write(folder.path().join("before.txt"), headers(138, -60)).unwrap();
    fs::write(folder.path().join("after.txt"), headers(148, 300)).unwrap();
    Console::new(folder.path()).runs("docs/fingerprint.md", 0);
}

#[test]
fn certificates_and_secrets_are_created() {
    let folder = tempfile::tempdir().unwrap();
    let mut console = Console::new(folder.path());
    console.runs("docs/operations/mutual-tls.md", 0);
    console.prepare("openssl verify -CAfile ca.pem orchestrator.pem federated-auth.pem scoped-auth.pem");
    console.runs("docs/operations/compose.md", 0);
    let example = folder.path().join("deploy/kubernetes/overlays/example");
    fs::create_dir_all(&example).unwrap();
    fs::copy(root().join("deploy/make-secrets"), folder.path().join("deploy/make-secrets")).unwrap();
    let mut console = Console::new(&example);
    console.runs("docs/operations/kubernetes.md", 0);
    console.prepare("test -s secrets/keys.json && test -s secrets/operator");
}
