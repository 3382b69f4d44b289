//! `docs/desk.md`: its examples run against a real stack, and its tables have all routes and errors.

use std::{path::Path, process::Command, time::Duration};

use serde_json::{Value, json};
use shared_types::{
    Code, Endpoint,
    desk::{
        CreateMessage, DeleteConversation, DeleteMessage, FetchConversation, FetchMessage, ListConversations,
        ListDeskMessages, ListParticipantConversations, UpdateConversation, number,
    },
    endpoint::COMMON_ERRORS,
};
use test_support::{eventually, http::Request, services::PATIENT};

use crate::desk::{CONVERSATIONS, Stack, items, python, with_key, written};

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/desk.md")).unwrap()
}

/// The examples in this language.
fn examples<const N: usize>(language: &str) -> [String; N] {
    let (text, start) = (document(), format!("```{language}\n"));
    let found = text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    found
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|found: Vec<_>| panic!("{} examples in {language}", found.len()))
}

/// Environment and working directory of the examples.
struct Reader<'s> {
    stack: &'s Stack,
    variables: Vec<(&'static str, String)>,
}

impl Reader<'_> {
    /// Runs an example with a command, and returns its output.
    async fn runs(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
        let folder = Path::new(env!("CARGO_BIN_EXE_orchestrator")).parent().unwrap();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.stack.data.path())
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        // The services run on this thread's runtime.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    async fn runs_shell(&self, example: &str) -> String {
        self.runs("sh", &["-euc", example]).await
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.stack.data.path().join(name)).unwrap()
    }
}

#[tokio::test]
async fn the_examples_run() {
    let stack = Stack::with(|config| config.accounts_period = Duration::from_millis(20)).await;
    let guest = stack.guest().await;
    assert_eq!(guest.says("Where is my order?").await.status, 201);
    let conversation = guest.conversation.parse().unwrap();
    written(&stack.store().await, conversation, (2..60).map(|n| format!("text {n}")), &stack.clock).await;
    let mut reader = Reader {
        stack: &stack,
        variables: vec![
            ("ORCHESTRATOR_ACCOUNTS_FILE", "accounts.toml".to_owned()),
            ("ORCHESTRATOR_DATABASE_URL", "sqlite:conversations.db".to_owned()),
            ("ACCOUNT_SID", "AC00000000000000000000000000000001".to_owned()),
            ("DESK_URL", format!("http://{}", stack.desk())),
            ("CONVERSATION", guest.conversation.clone()),
            ("IDENTITY", guest.identity.clone()),
        ],
    };
    let [add_key, curl, guests] = examples("sh");
    reader.runs_shell(&add_key).await;
    let key = reader.file("key");
    let [sid, secret]: [&str; 2] = key.lines().collect::<Vec<_>>().try_into().unwrap();
    let works =
        async || stack.sends(with_key(Request::get(CONVERSATIONS), (sid, secret))).await.status == 200;
    reader.variables.extend([("API_KEY", sid.to_owned()), ("API_SECRET", secret.to_owned())]);
    eventually(PATIENT, "the key works", works).await;

    let printed = reader.runs_shell(&curl).await;
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [listed, read, written, updated] = printed.try_into().unwrap();
    assert_eq!(listed["conversations"][0]["sid"], json!(guest.conversation));
    assert_eq!((&read["messages"][0]["body"], &written["index"]), (&json!("text 59"), &json!(60)));
    assert!(updated["attributes"].as_str().unwrap().contains(r#""ticket":7"#), "{updated}");

    let [python_example] = examples("python");
    let printed = reader.runs(python(), &["-Bc", &python_example]).await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[60]), (62, "0 system Welcome!", "60 Bob It is on its way."));
    assert!(lines[61].starts_with("400 20001 ") && lines[61].contains("`Body`"), "{}", lines[61]);

    let [node_example] = examples("js");
    std::fs::write(stack.data.path().join("example.mjs"), node_example).unwrap();
    let printed = reader.runs("node", &["example.mjs"]).await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        (lines.len(), lines[1], lines[61]),
        (62, "guest Where is my order?", "desk It arrives tomorrow.")
    );

    let last: Vec<Value> =
        items(&stack.desk_gets(&format!("{}?Order=desc&PageSize=3", guest.messages())).await);
    let last: Vec<&Value> = last.iter().map(|message| &message["body"]).collect();
    assert_eq!(last, ["Is there anything else?", "It arrives tomorrow.", "It is on its way."]);
    let conversation = stack.desk_gets(&guest.path()).await.body();
    assert_eq!(conversation["state"], "closed");
    let attributes: Value = serde_json::from_str(conversation["attributes"].as_str().unwrap()).unwrap();
    assert_eq!((&attributes["ticket"], &attributes["priority"]), (&json!(7), &json!("high")));
    assert_eq!(attributes["customer_friendly_name"], "Ada");

    let printed = reader.runs_shell(&guests).await;
    assert!(printed.contains("1 conversation erased"), "{printed}");
    assert!(reader.file("guest.json").contains("Where is my order?"));
    assert!(reader.file("guest.txt").contains("Is there anything else?"));
    guest.reads().await.is_refusal(401, "revoked_token");
}

/// Asserts that the document has a row for the endpoint, and one for each of its errors.
#[track_caller]
fn is_documented<E: Endpoint>(text: &str) {
    let path = E::PATH.replace("{conversation_sid}", "CH…").replace("{message_sid}", "IM…");
    let row = format!("| `{} {path}` | ", E::METHOD.as_str());
    assert!(text.contains(&row), "docs/desk.md lacks {row}");
    for code in E::ERRORS.iter().chain(&COMMON_ERRORS) {
        let row = format!("| {} | {} | ", code.status(), number(*code));
        assert!(text.contains(&row), "docs/desk.md lacks {row}");
    }
}

#[test]
fn routes_and_errors_are_documented() {
    let text = document();
    is_documented::<ListConversations>(&text);
    is_documented::<FetchConversation>(&text);
    is_documented::<UpdateConversation>(&text);
    is_documented::<DeleteConversation>(&text);
    is_documented::<ListDeskMessages>(&text);
    is_documented::<CreateMessage>(&text);
    is_documented::<FetchMessage>(&text);
    is_documented::<DeleteMessage>(&text);
    is_documented::<ListParticipantConversations>(&text);
    let method = Code::MethodNotAllowed;
    assert!(text.contains(&format!("| {} | {} | ", method.status(), number(method))));
}
