//! The command `orchestrator guests …`: the export equals what was written, and the erasure leaves no word, both beside a
//! store that is open in another process.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use chrono::{DateTime, TimeDelta, Utc};
use conversations::{Conversations, MIGRATIONS, NewConversation, NewMessage};
use serde_json::Value;
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, SessionId,
    scoped_auth::generate::EarlierSession,
};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::postgres::Cluster;

const ACCOUNT: AccountSid = AccountSid::from_bits(1);

/// A word of each script, and emoji.
const WORDS: [&str; 8] = ["grüße", "привет", "γειά", "مرحبا", "שלום", "你好世界", "สวัสดี", "👩‍👩‍👧‍👦🏳️‍🌈"];

struct Operator {
    folder: TempDir,
    url: String,
}

impl Operator {
    fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("conversations.db").display());
        Self { folder, url }
    }

    async fn on_postgres() -> Self {
        let url = Cluster::shared().database().await;
        DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), url }
    }

    async fn store(&self) -> Conversations {
        Conversations::open(&DatabaseConfig::new(&self.url)).await.unwrap()
    }

    fn runs(&self, command: &str, guest: u8, more: &[&str]) -> (Option<i32>, String, String) {
        fs::write(self.folder.path().join("url"), format!("{}\n", self.url)).unwrap();
        let output: Output = Command::new(env!("CARGO_BIN_EXE_orchestrator"))
            .current_dir(&self.folder)
            .env_clear()
            .env("ORCHESTRATOR_DATABASE_URL_FILE", "url")
            .args(["guests", command, "--account", &ACCOUNT.to_string()])
            .args(["--identity", &identity(guest).to_string()])
            .args(more)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Names of the files of the folder that contain `word`.
    fn files_with(&self, word: &str) -> Vec<String> {
        let files = fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path());
        let has = |path: &std::path::PathBuf| {
            fs::read(path).unwrap().windows(word.len()).any(|window| window == word.as_bytes())
        };
        files.filter(has).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }
}

fn identity(guest: u8) -> Identity {
    Identity::from_random([guest; 16])
}

fn at(n: i64) -> DateTime<Utc> {
    "2026-01-02T03:04:05.678Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(n)
}

/// What a message says: words that occur nowhere else.
fn text(guest: u8, n: usize) -> String {
    format!("g{guest}m{n:03} {} \"{}\"\n\tend", WORDS[n % WORDS.len()], WORDS[(n + 3) % WORDS.len()])
}

/// Two conversations with 100 messages each, of guest and desk in turn. Returns the texts by conversation.
async fn written(store: &Conversations, guest: u8) -> Vec<(ConversationSid, Vec<String>)> {
    let mut conversations = Vec::new();
    for number in 0..2 {
        let first = u128::from(guest) * 10_000 + number * 1000;
        let new = NewConversation {
            account_sid: ACCOUNT,
            deployment_key: DeploymentKey::from_bits(1),
            address_sid: AddressSid::from_bits(1),
            session: EarlierSession {
                sid: SessionId::from_random([guest * 10 + number as u8; 16]),
                auth_time: at(0),
            },
            jkt: None,
            identity: identity(guest),
            customer_friendly_name: Some(format!("Name of g{guest} {}", WORDS[1])),
            pre_engagement_data: Some(format!(r#"{{"why":"form of g{guest} {}"}}"#, WORDS[7])),
            conversation_sid: ConversationSid::from_bits(first),
            question: None,
            welcome: (MessageSid::from_bits(first), "Welcome!"),
            now: at(i64::try_from(first).unwrap()),
        };
        let sid = store.open_conversation(new).await.unwrap().sid;
        let mut texts = vec!["Welcome!".to_owned()];
        for n in 1..=100 {
            let body = text(guest, number as usize * 100 + n);
            let author = identity(guest).to_string();
            let is_guest = n % 2 == 0;
            let new = NewMessage {
                sid: MessageSid::from_bits(first + n as u128),
                author: if is_guest { &author } else { "Zoë" },
                body: &body,
                attributes: (!is_guest).then_some(r#"{"agent":7}"#),
                key: None,
                now: at(n as i64),
            };
            let appended = if is_guest {
                store.append_of_guest(ACCOUNT, identity(guest), sid, new).await
            } else {
                store.append_of_desk(ACCOUNT, sid, new).await
            };
            appended.unwrap().unwrap();
            texts.push(body);
        }
        conversations.push((sid, texts));
    }
    conversations
}

async fn exports_what_was_written(operator: Operator) {
    let store = operator.store().await;
    let mut conversations = written(&store, 1).await;
    written(&store, 2).await;
    // Newest first.
    conversations.reverse();
    let (code, printed, errors) = operator.runs("export", 1, &["--output", "guest.v1"]);
    assert_eq!((code, printed.as_str(), errors.as_str()), (Some(0), "2 conversations exported\n", ""));

    let path = |name: &str| operator.folder.path().join(name);
    let exported: Value = serde_json::from_slice(&fs::read(path("guest.v1.json")).unwrap()).unwrap();
    assert_eq!(exported["identity"], identity(1).to_string());
    let exported = exported["conversations"].as_array().unwrap();
    assert_eq!(exported.len(), conversations.len());
    for (conversation, (sid, texts)) in exported.iter().zip(&conversations) {
        assert_eq!(conversation["sid"], sid.to_string());
        assert_eq!(
            conversation["attributes"]["pre_engagement_data"]["why"],
            format!("form of g1 {}", WORDS[7])
        );
        assert_eq!(conversation["attributes"]["customer_friendly_name"], format!("Name of g1 {}", WORDS[1]));
        let messages = conversation["messages"].as_array().unwrap();
        let bodies: Vec<_> = messages.iter().map(|message| message["body"].as_str().unwrap()).collect();
        assert_eq!(bodies, *texts);
        let sides: Vec<_> = messages.iter().map(|message| message["side"].as_str().unwrap()).collect();
        assert_eq!(sides[..3], ["system", "desk", "guest"]);
        assert_eq!((&messages[1]["author"], &messages[1]["attributes"]["agent"]), (&"Zoë".into(), &7.into()));
        assert_eq!(messages[2]["author"], identity(1).to_string());
    }
    let transcript = fs::read_to_string(path("guest.v1.txt")).unwrap();
    assert!(transcript.contains("\n2026-01-02 03:04:06 desk (Zoë): g1m001 "), "{transcript}");
    assert!(transcript.contains(&format!(" guest ({}): g1m002 ", identity(1))));
    assert!(!transcript.contains("g2m"));
    for name in ["guest.v1.json", "guest.v1.txt"] {
        assert_eq!(fs::metadata(path(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // Nothing is overwritten.
    let (code, printed, errors) = operator.runs("export", 1, &["--output", "guest.v1"]);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert_eq!(errors, "orchestrator: guest.v1.json: File exists (os error 17)\n");
    // A guest without conversations is no error.
    let (code, printed, _) = operator.runs("export", 9, &["--output", "none"]);
    assert_eq!((code, printed.as_str()), (Some(0), "0 conversations exported\n"));
    let exported: Value = serde_json::from_slice(&fs::read(path("none.json")).unwrap()).unwrap();
    assert_eq!(exported["conversations"], serde_json::json!([]));
}

async fn erases_one_guest(operator: &Operator) -> Conversations {
    let store = operator.store().await;
    let mine = written(&store, 1).await;
    written(&store, 2).await;
    let (code, printed, errors) = operator.runs("erase", 1, &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(printed.starts_with("2 conversations erased\n"), "{printed}");
    assert!(store.is_erased(ACCOUNT, identity(1)).await.unwrap());
    assert!(!store.is_erased(ACCOUNT, identity(2)).await.unwrap());
    for (sid, _) in mine {
        assert_eq!(store.conversation(ACCOUNT, sid).await.unwrap(), None);
    }
    // Again: nothing is left, and it stays erased.
    let (code, printed, _) = operator.runs("erase", 1, &[]);
    assert_eq!(code, Some(0));
    assert!(printed.starts_with("0 conversations erased\n"), "{printed}");
    store
}

#[tokio::test]
async fn an_export_equals_what_was_written_on_sqlite() {
    exports_what_was_written(Operator::on_sqlite()).await;
}

#[tokio::test]
async fn an_export_equals_what_was_written_on_postgres() {
    exports_what_was_written(Operator::on_postgres().await).await;
}

#[tokio::test]
async fn an_erasure_leaves_no_word_in_the_files_of_sqlite() {
    let operator = Operator::on_sqlite();
    let store = erases_one_guest(&operator).await;
    for word in (0..=200).map(|n| format!("g1m{n:03}")).chain(["of g1".to_owned()]) {
        assert_eq!(operator.files_with(&word), [""; 0], "{word}");
    }
    // The search finds what is there.
    assert_eq!(operator.files_with("g2m001"), ["conversations.db"]);
    store.close().await;
}

#[tokio::test]
async fn an_erasure_leaves_no_row_in_postgres() {
    let operator = Operator::on_postgres().await;
    erases_one_guest(&operator).await;
    let mut database = test_support::direct::Direct::connect(&operator.url).await;
    let left = "SELECT COUNT(*) FROM messages WHERE body LIKE 'g1m%' OR author LIKE '01010101%'";
    assert_eq!(database.number(left).await, 0);
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE body LIKE 'g2m%'").await, 200);
    let forms = "SELECT COUNT(*) FROM conversations WHERE customer_friendly_name LIKE '%g1%' \
                 OR pre_engagement_data LIKE '%g1%'";
    assert_eq!(database.number(forms).await, 0);
}

#[test]
fn a_malformed_guest_is_a_usage_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_orchestrator"))
        .env_clear()
        .args(["guests", "erase", "--account", "AC1", "--identity", "me"])
        .current_dir(Path::new("/"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
