//! Key rotation on two running replicas of ScopedAuthService, with the operator's commands, while tokens are made,
//! refreshed and validated over HTTP: no request fails, and tokens of old keys stay valid until their expiry.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use scoped_auth::{
    Config, PROGRAM,
    app::{open_keys, start_with},
    config::MissingKeys,
    keys_follower::KeysFollower,
};
use serde_json::{Value, json};
use service_runtime::{
    Clock, Listeners, Running,
    watched_file::{Reload, ReloadOutcome},
};
use shared_types::SealedToken;
use tempfile::TempDir;
use test_support::http::Request;
use tokio::{sync::watch, task::JoinSet};

const SECRET: &str = "what-federated-auth-proves-itself-with";

/// Two running replicas of ScopedAuthService, and their operator.
struct Sas {
    replicas: [Replica; 2],
    clock: Clock,
    data: TempDir,
}

struct Replica {
    running: Running,
    keys: Arc<KeysFollower>,
    reloads: watch::Receiver<Reload>,
}

impl Sas {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let at = |name: &str| data.path().join(name).display().to_string();
        let settings = [
            ("SCOPED_AUTH_FEDERATED_AUTH_SECRET", SECRET.to_owned()),
            ("SCOPED_AUTH_KEYS_FILE", at("keys.json")),
            ("SCOPED_AUTH_DATABASE_URL", format!("sqlite://{}", at("sessions.db"))),
            // Longer than a change of the keys takes here.
            ("SCOPED_AUTH_REFRESH_GRACE_SECONDS", "3600".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let environment = PROGRAM.environment(settings).unwrap();
        let clock = Clock::adjustable();
        let config = Config {
            clock: clock.clone(),
            missing_keys: MissingKeys::Create,
            ..Config::from_environment(&environment).unwrap()
        };
        let replicas = [Replica::start(config.clone()).await, Replica::start(config).await];
        Self { replicas, clock, data }
    }

    fn caller(&self) -> Caller {
        Caller { addresses: self.replicas.each_ref().map(|replica| replica.running.address()) }
    }

    fn keys_file(&self) -> PathBuf {
        self.data.path().join("keys.json")
    }

    /// Runs a command and waits until both replicas have loaded the change; returns what each line of its output says
    /// before the colon.
    async fn runs(&mut self, command: &str) -> Vec<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_scoped-auth"))
            .arg("keys")
            .args(command.split(' '))
            .arg("--file")
            .arg(self.keys_file())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        assert_eq!(self.next().await, ReloadOutcome::Loaded);
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| line.split_once(": ").unwrap().0.to_owned()).collect()
    }

    /// What became of the next change, at both replicas.
    async fn next(&mut self) -> ReloadOutcome {
        let mut outcomes = Vec::new();
        for Replica { reloads, .. } in &mut self.replicas {
            let changed = tokio::time::timeout(Duration::from_secs(30), reloads.changed());
            changed.await.unwrap().unwrap();
            outcomes.push(reloads.borrow_and_update().outcome.clone());
        }
        assert_eq!(outcomes[0], outcomes[1]);
        outcomes.remove(0)
    }

    async fn published(&self) -> Vec<String> {
        let keys =
            Request::get("/.well-known/jwks.json").send(self.replicas[1].running.address()).await.body();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    async fn stop(self) {
        for replica in self.replicas {
            replica.running.stop().await;
        }
    }
}

impl Replica {
    async fn start(config: Config) -> Self {
        let keys = Arc::new(open_keys(&config).unwrap());
        let reloads = keys.reloads();
        let running = start_with(config, Arc::clone(&keys), Listeners::loopback().unwrap()).await.unwrap();
        Self { running, keys, reloads }
    }
}

/// The calls of FederatedAuthService. Tokens are made by the first replica and validated by the other.
#[derive(Clone, Copy)]
struct Caller {
    addresses: [SocketAddr; 2],
}

impl Caller {
    async fn posts(self, replica: usize, path: &str, fields: &Value) -> Value {
        let path = format!("/v1/ScopedAuthTokens/{path}");
        let answer = Request::post(&path).bearer(SECRET).json(fields).send(self.addresses[replica]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body()
    }

    async fn token(self, encrypt: bool) -> String {
        let fields = json!({
            "accountSid": "AC00000000000000000000000000000001", "ttl": 3600, "encrypt": encrypt,
            "grants": [{"type": "webchat", "address_sid": "IG00000000000000000000000000000001",
                "deployment_key": "CV00000000000000000000000000000001"}],
        });
        self.posts(0, "generate/internal", &fields).await["token"].as_str().unwrap().to_owned()
    }

    async fn successor(self, replica: usize, token: &str) -> String {
        let successor = json!({"accountSid": "AC00000000000000000000000000000001",
            "deploymentKey": "CV00000000000000000000000000000001", "ttl": 3600});
        let verdict = self.posts(replica, "validate", &json!({"token": token, "successor": successor})).await;
        verdict["successor"]["token"].as_str().unwrap_or_else(|| panic!("{verdict}")).to_owned()
    }

    async fn verdict(self, token: &str) -> Value {
        self.posts(1, "validate", &json!({"token": token})).await
    }

    /// One guest: a token, its successor, and both validated.
    async fn serves_a_guest(self, encrypt: bool) {
        let first = self.token(encrypt).await;
        let verdict = self.verdict(&first).await;
        assert_eq!(verdict["authorized"], true, "{verdict}");
        let second = self.successor(0, &first).await;
        let verdict = self.verdict(&second).await;
        assert_eq!(verdict["authorized"], true, "{verdict}");
    }
}

/// The id of the key that made a token.
fn key_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().split('.').next().unwrap().to_owned()
}

/// Guests that run without a pause until they are stopped.
struct Guests {
    served: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Guests {
    fn start(caller: Caller) -> Self {
        let (served, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for task in 0..4 {
            let (served, stop) = (served.clone(), stop.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    caller.serves_a_guest(task % 2 == 0).await;
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { served, stop, tasks }
    }

    /// Panics if one of their requests failed.
    async fn finish(mut self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(guest) = self.tasks.join_next().await {
            guest.unwrap();
        }
        self.served.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_key_rotations_under_load_lose_no_request_or_token() {
    let mut sas = Sas::start().await;
    let (caller, guests) = (sas.caller(), Guests::start(sas.caller()));
    let mut tokens = Vec::new();
    let mut makers = Vec::new();
    for rotation in 0..3 {
        let served = guests.served.load(Ordering::SeqCst);
        let fresh = sas.runs("generate").await;
        assert_eq!(fresh.len(), 2);
        for encrypt in [true, false] {
            let token = caller.token(encrypt).await;
            assert!(!fresh.contains(&key_of(&token)), "only the active key seals tokens");
            makers.push(key_of(&token));
            tokens.push(token);
        }
        assert!(sas.published().await.contains(&fresh[1]), "the key is published before it signs");
        for kid in &fresh {
            // The service has logged that it knows the key.
            sas.runs(&format!("activate --now {kid}")).await;
        }
        for (encrypt, kid) in [(true, &fresh[0]), (false, &fresh[1])] {
            assert_eq!(key_of(&caller.token(encrypt).await), *kid);
        }
        for token in &tokens {
            assert_eq!(caller.verdict(token).await["authorized"], true, "rotation {rotation}");
        }
        assert!(guests.served.load(Ordering::SeqCst) > served, "there was load");
    }
    guests.finish().await;
    makers.sort();
    makers.dedup();
    assert_eq!(makers.len(), 6, "each rotation found other keys active");

    // More than a day later, when all their sessions have expired, the old keys are removed without a command.
    assert_eq!(sas.published().await.len(), 4);
    sas.clock.advance(TimeDelta::days(1) + TimeDelta::minutes(1));
    assert_eq!(sas.next().await, ReloadOutcome::Expired);
    assert_eq!(sas.published().await.len(), 1);
    for token in &tokens {
        assert_eq!(caller.verdict(token).await["reason"], "invalid_token");
    }
    assert_eq!(
        sas.replicas[0].keys.ring().key_infos().len(),
        3,
        "the active ones, and the one for the audit log"
    );
    sas.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reissued_successor_is_identical_under_a_new_key() {
    let mut sas = Sas::start().await;
    let caller = sas.caller();
    let token = caller.token(true).await;
    let first = caller.successor(0, &token).await;
    let fresh = sas.runs("generate").await;
    sas.runs(&format!("activate --now {}", fresh[0])).await;
    for replica in [0, 1] {
        let again = caller.successor(replica, &token).await;
        assert_eq!((key_of(&first) == fresh[0], key_of(&again) == fresh[0]), (false, true));
        let [first, again] = [&first, &again].map(|token| {
            sas.replicas[replica].keys.ring().open(&SealedToken::new(token.clone()).unwrap()).unwrap()
        });
        assert_eq!(again, first);
    }
    sas.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_force_retired_key_stops_opening_and_the_next_key_seals() {
    let mut sas = Sas::start().await;
    let caller = sas.caller();
    for encrypt in [true, false] {
        let token = caller.token(encrypt).await;
        let other = caller.token(!encrypt).await;
        let printed = sas.runs(&format!("retire --now {}", key_of(&token))).await;
        assert_eq!(caller.verdict(&token).await["reason"], "invalid_token");
        assert_eq!(
            caller.verdict(&other).await["authorized"],
            true,
            "the other key's tokens are not touched"
        );
        assert!(!sas.published().await.contains(&key_of(&token)));
        let fresh = caller.token(encrypt).await;
        assert_eq!(key_of(&fresh), printed[1]);
        assert_eq!(caller.verdict(&fresh).await["authorized"], true);
    }
    sas.stop().await;
}
