//! The document is valid, and the services do what it says: two tools for Python, which `./test` installs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use local_stack::{Guest, Stack, StackConfig, demo};
use secrecy::ExposeSecret as _;
use service_runtime::Running;
use shared_types::{Endpoint as _, orchestrator::authorize, scoped_auth::RevokeSessions};

use super::path;

const PROXY_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Runs a tool of the tests' Python environment.
fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("no Python tools ({error}); `./test` installs them"))
}

fn tool(name: &str) -> PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
    let python = std::env::var_os("WEBCHAT_TEST_PYTHON").unwrap_or_else(|| installed.into());
    Path::new(&python).with_file_name(name)
}

#[track_caller]
fn succeeds(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}{stderr}");
}

#[test]
fn the_document_is_valid() {
    succeeds(&run(Command::new(tool("openapi-spec-validator")).arg(path())));
}

/// A stack without limits, with what the tool needs to reach beyond the first check of a request.
struct Served {
    stack: Stack,
    folder: PathBuf,
    /// The headers of the guest's browser, as options.
    browser: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

impl Served {
    async fn start(data: &Path) -> Self {
        let mut config = StackConfig::for_test(data);
        config.authorize_secret = Some(PROXY_SECRET.into());
        // The tool reports addresses of its own.
        config.trusted_proxies = "127.0.0.1".parse().unwrap();
        // Below the line that becomes the desk's key.
        let accounts = demo::accounts_without_limits();
        let accounts = accounts.replace("goes here\n", "goes here\ncalls_per_minute = 1000000\n");
        fs::write(config.accounts_file(), accounts).unwrap();
        let stack = Stack::start(&config).await.unwrap();
        let browser = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
        let (guest, erased) = (browser.begins_chat(None).await, browser.begins_chat(None).await);
        let conversation = guest.text("conversation_sid");
        let messages = stack.desk().reads_messages(&conversation).await;
        let variables = vec![
            ("HOOKS", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/hooks.py").to_owned()),
            ("TOKEN", guest.text("token")),
            ("OPERATOR_SECRET", stack.operator_secret.expose_secret().to_owned()),
            ("API_KEY", demo::DESK_KEY.to_owned()),
            ("API_SECRET", stack.desk_secret.expose_secret().to_owned()),
            ("CONVERSATION", conversation),
            ("ERASED_CONVERSATION", erased.text("conversation_sid")),
            ("MESSAGE", messages.body["messages"][0]["sid"].as_str().unwrap().to_owned()),
            ("SERVICE", "IS00000000000000000000000000000001".to_owned()),
        ];
        let browser =
            browser.headers.iter().map(|(name, value)| format!("--header={name}:{value}")).collect();
        Self { stack, folder: data.to_owned(), browser, variables }
    }

    /// Every check, on the operations that the options select.
    async fn conforms(&self, url: &str, options: &[&str]) {
        let mut command = Command::new(tool("schemathesis"));
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/schemathesis.toml");
        command
            .args(["--config-file", config, "run", "--checks", "all", "--no-color"])
            .args(["--url", url])
            .args(options)
            .arg(path())
            // It writes a folder there.
            .current_dir(&self.folder)
            .envs(self.variables.iter().cloned());
        // The services run on this thread's runtime.
        let output = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
        succeeds(&output);
    }
}

#[tokio::test]
async fn the_services_do_what_the_document_says() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let stack = &served.stack;
    let secret = format!("--header={}:{PROXY_SECRET}", authorize::PROXY_SECRET);
    let (mut browser, mut proxy) = (vec!["--include-tag=public"], vec!["--include-tag=authorize", &secret]);
    for options in [&mut browser, &mut proxy] {
        options.extend(served.browser.iter().map(String::as_str));
    }
    let operations = format!("--exclude-operation-id={}", RevokeSessions::NAME);
    let operators = format!("--include-operation-id={}", RevokeSessions::NAME);
    let admin = |running: &Running| format!("http://{}", running.admin_address);
    served.conforms(&stack.url, &browser).await;
    served.conforms(&stack.desk_url, &["--include-tag=desk"]).await;
    served.conforms(stack.authorize_url.as_ref().unwrap(), &proxy).await;
    served.conforms(&admin(&stack.orchestrator), &["--include-tag=admin", &operations]).await;
    served.conforms(&admin(&stack.scoped_auth), &[&operators]).await;
    served.stack.stop().await;
}
