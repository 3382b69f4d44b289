//! Each service as a separate process, configured by its environment.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use local_stack::{Guest, demo};

use crate::process::Process;

/// The binary of a service, built if missing: testing only this package would not build the others'.
pub(crate) fn binary(name: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--offline", "--workspace", "--bins"]);
        let folder = Path::new(env!("CARGO_BIN_EXE_local-stack")).parent().unwrap();
        build.arg("--target-dir").arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        folder.to_owned()
    });
    let mut command = Command::new(folder.join(name));
    command.env_clear();
    command
}

type Settings<'a> = &'a [(&'a str, &'a str)];

/// An address without a listener until a process of this test starts one. Each call uses a new address of 127.0.0.0/8,
/// all of which is local, so that no other process or connection can take the port meanwhile.
pub(crate) fn free_address() -> String {
    static CALLS: AtomicU8 = AtomicU8::new(2);
    let [.., high, low] = process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, high, low, CALLS.fetch_add(1, Ordering::Relaxed));
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().to_string()
}

#[test]
fn invalid_settings_fail_the_start_with_one_line_naming_them() {
    let secret = "0123456789abcdef";
    let cases: [(&str, Settings, &str); 9] = [
        ("orchestrator", &[], "ORCHESTRATOR_FEDERATED_AUTH_SECRET"),
        ("orchestrator", &[("ORCHESTRATOR_LISTEN", "nowhere")], "ORCHESTRATOR_LISTEN"),
        (
            "federated-auth",
            &[
                ("FEDERATED_AUTH_SCOPED_AUTH_SECRET", secret),
                ("FEDERATED_AUTH_ORCHESTRATOR_SECRET", "fedcba9876543210"),
                // As long as its caller keeps idle connections.
                ("FEDERATED_AUTH_KEEP_ALIVE_SECONDS", "30"),
            ],
            "FEDERATED_AUTH_KEEP_ALIVE_SECONDS",
        ),
        (
            "orchestrator",
            &[("ORCHESTRATOR_FEDERATED_AUTH_SECRET", "short")],
            "ORCHESTRATOR_FEDERATED_AUTH_SECRET",
        ),
        (
            "orchestrator",
            &[("ORCHESTRATOR_FEDERATED_AUTH_SECRET", secret), ("ORCHESTRATOR_FINGERPRINT_KEY", "c2hvcnQ")],
            "ORCHESTRATOR_FINGERPRINT_KEY",
        ),
        (
            "federated-auth",
            &[("FEDERATED_AUTH_SCOPED_AUTH_SECRET", secret)],
            "FEDERATED_AUTH_ORCHESTRATOR_SECRET",
        ),
        ("scoped-auth", &[], "SCOPED_AUTH_FEDERATED_AUTH_SECRET"),
        ("scoped-auth", &[("SCOPED_AUTH_FEDERATED_AUTH_SECRET", secret)], "SCOPED_AUTH_KEYS_FILE"),
        (
            "scoped-auth",
            &[
                ("SCOPED_AUTH_FEDERATED_AUTH_SECRET", secret),
                ("SCOPED_AUTH_KEYS_FILE", "/nonexistent/keys.json"),
            ],
            "/nonexistent/keys.json",
        ),
    ];
    for (name, settings, named) in cases {
        let prefix = name.to_uppercase().replace('-', "_");
        let mut command = binary(name);
        command
            .env(format!("{prefix}_LISTEN"), "127.0.0.1:0")
            .env(format!("{prefix}_ADMIN_LISTEN"), "127.0.0.1:0");
        let output = command.envs(settings.iter().copied()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{name} {settings:?}");
        let lines: Vec<_> = stderr.lines().filter(|line| line.contains(named)).collect();
        assert_eq!(lines.len(), 1, "{name} {settings:?}: {stderr}");
        for (_, value) in settings.iter().filter(|(name, _)| !name.ends_with("FILE")) {
            assert!(!stderr.contains(value), "errors do not contain the value: {stderr}");
        }
    }
}

#[test]
fn a_port_in_use_is_named_with_its_setting_and_a_remedy() {
    let (taken, keys) = (TcpListener::bind("127.0.0.1:0").unwrap(), tempfile::tempdir().unwrap());
    let taken_address = taken.local_addr().unwrap().to_string();
    for name in ["ORCHESTRATOR_LISTEN", "ORCHESTRATOR_ADMIN_LISTEN", "ORCHESTRATOR_DESK_LISTEN"] {
        let accounts = keys.path().join("accounts.toml");
        std::fs::write(&accounts, demo::ACCOUNTS).unwrap();
        let mut command = binary("orchestrator");
        command
            .env("ORCHESTRATOR_LISTEN", "127.0.0.1:0")
            .env("ORCHESTRATOR_ADMIN_LISTEN", "127.0.0.1:0")
            .env("ORCHESTRATOR_FEDERATED_AUTH_SECRET", "0123456789abcdef")
            .env("ORCHESTRATOR_FINGERPRINT_KEY", "A".repeat(43))
            .env("ORCHESTRATOR_ACCOUNTS_FILE", &accounts)
            .env("ORCHESTRATOR_DATABASE_URL", format!("sqlite://{}/c.db", keys.path().display()))
            .env(name, &taken_address);
        let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
        let line =
            stderr.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {stderr}"));
        assert!(line.contains(&taken_address) && line.contains("choose another port"), "{line}");
    }
}

#[test]
fn completions_survive_a_reader_that_wants_only_the_beginning() {
    let mut command = binary("orchestrator");
    let mut child = command
        .args(["completions", "bash"])
        .stdout(process::Stdio::piped())
        .stderr(process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}

/// The three services, each to be started as a process.
pub(crate) struct Services {
    pub(crate) orchestrator: Command,
    pub(crate) federated_auth: Command,
    pub(crate) scoped_auth: Command,
    /// The addresses of FWO, FAS and SAS, and of their admin listeners.
    pub(crate) addresses: [String; 6],
}

impl Services {
    /// Keeps their files in `folder`. FAS calls SAS at `scoped_auth`, if that differs from its own address.
    pub(crate) fn new(folder: &Path, scoped_auth: Option<&str>) -> Self {
        let file = |name: &str| folder.join(name);
        for (name, content) in [
            ("fwo-fas", "a-secret-between-fwo-and-fas\n"),
            ("fas-sas", "a-secret-between-fas-and-sas\n"),
            // The format of `openssl rand -hex 32`.
            ("fingerprint.key", "3b0c1f6f2d5e4a798897a6b5c4d3e2f100112233445566778899aabbccddeeff\n"),
            ("accounts.toml", demo::ACCOUNTS),
        ] {
            fs::write(file(name), content).unwrap();
        }
        let addresses = std::array::from_fn(|_| free_address());
        let [fwo, fas, sas, fwo_admin, fas_admin, sas_admin] = &addresses;
        let called = scoped_auth.unwrap_or(sas);

        let keys = file("keys.json");
        let made = binary("scoped-auth").args(["keys", "generate", "--file"]).arg(&keys).status().unwrap();
        assert!(made.success());
        let mut scoped_auth = binary("scoped-auth");
        scoped_auth
            .envs([("SCOPED_AUTH_LISTEN", sas), ("SCOPED_AUTH_ADMIN_LISTEN", sas_admin)])
            .env("SCOPED_AUTH_KEYS_FILE", keys)
            .env("SCOPED_AUTH_DRAIN_SECONDS", "0")
            .env("SCOPED_AUTH_DATABASE_URL", format!("sqlite://{}", file("sessions.db").display()))
            .env("SCOPED_AUTH_FEDERATED_AUTH_SECRET_FILE", file("fas-sas"));
        let mut federated_auth = binary("federated-auth");
        federated_auth
            .envs([("FEDERATED_AUTH_LISTEN", fas), ("FEDERATED_AUTH_ADMIN_LISTEN", fas_admin)])
            .env("FEDERATED_AUTH_SCOPED_AUTH_URL", format!("http://{called}"))
            .env("FEDERATED_AUTH_SCOPED_AUTH_SECRET_FILE", file("fas-sas"))
            .env("FEDERATED_AUTH_ORCHESTRATOR_SECRET_FILE", file("fwo-fas"));
        let mut orchestrator = binary("orchestrator");
        let conversations = format!("sqlite://{}", file("conversations.db").display());
        orchestrator
            .envs([("ORCHESTRATOR_LISTEN", fwo), ("ORCHESTRATOR_ADMIN_LISTEN", fwo_admin)])
            .env("ORCHESTRATOR_FEDERATED_AUTH_URL", format!("http://{fas}"))
            .env("ORCHESTRATOR_FEDERATED_AUTH_SECRET_FILE", file("fwo-fas"))
            .env("ORCHESTRATOR_FINGERPRINT_KEY_FILE", file("fingerprint.key"))
            .env("ORCHESTRATOR_ACCOUNTS_FILE", file("accounts.toml"))
            .env("ORCHESTRATOR_DATABASE_URL", conversations);
        Self { orchestrator, federated_auth, scoped_auth, addresses }
    }

    /// Starts one service and returns once it listens.
    pub(crate) fn start(command: &mut Command) -> Process {
        let mut process = Process::start(command);
        process.until("started");
        process
    }
}

#[tokio::test]
async fn three_processes_form_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let mut services = Services::new(folder.path(), None);
    let [fwo, _, _, fwo_admin, fas_admin, sas_admin] = services.addresses.clone();

    let ready =
        |name: &str, admin: &str| binary(name).args(["healthcheck", admin]).status().unwrap().success();
    assert!(!ready("orchestrator", &fwo_admin));
    let _orchestrator = Services::start(&mut services.orchestrator);
    assert!(!ready("orchestrator", &fwo_admin), "it cannot do its work without its callee");
    let scoped_auth = Services::start(&mut services.scoped_auth);
    let _federated_auth = Services::start(&mut services.federated_auth);
    for (name, admin) in
        [("orchestrator", &fwo_admin), ("federated-auth", &fas_admin), ("scoped-auth", &sas_admin)]
    {
        assert!(ready(name, admin), "{name}");
    }

    let guest = Guest::with_chrome(&format!("http://{fwo}"), demo::DEPLOYMENT_ON);
    let token = guest.creates_token().await.text("token");
    let refreshed = guest.refreshes_token(&token).await.text("token");
    assert_eq!(guest.opens_conversation(&refreshed).await.status, 201);

    scoped_auth.signal("-TERM");
    assert!(scoped_auth.end().0.success());
    let refused = guest.refreshes_token(&refreshed).await;
    assert_eq!((refused.status, refused.code()), (503, "upstream_unavailable"));
    assert!(!ready("orchestrator", &fwo_admin) || !ready("federated-auth", &fas_admin));
}
