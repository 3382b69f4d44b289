//! Model-based test of sessions: random interleavings of refreshes, lost responses, replays by thieves with and without
//! the key, revocations, clock steps, rotated keys, restored stores and restarts, on two replicas with one store and
//! clocks 5 s apart. The replicas always answer like the model.

mod model;
mod replica;
mod steps;

use std::{cell::Cell, collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use model::{Answer, Model, Refresh, Successor};
use proptest::{prelude::*, test_runner::TestRunner};
use replica::{Keys, Replica};
use scoped_auth::{revocations::RevocationTarget, sessions::Rules, store::MIGRATIONS};
use shared_types::{
    AccountSid, AddressSid, DeploymentKey, Fingerprint, Grant, Identity, SealedToken, SessionId, Thumbprint,
    fingerprint::{Evidence, FingerprintKey, FingerprintKeys, Mode, Sensitivity, Signals, generate},
    grant::{GrantsClaim, Webchat},
};
use steps::{Browser, REPLICAS, SESSIONS, Step, Target, steps};
use store::DatabaseConfig;
use test_support::{direct::Direct, postgres};
use token::{
    claims::{Audience, Claims, Confirmation, Issuer},
    jose::TokenFormat,
};
use tokio::runtime::Runtime;

const RUNS: u32 = 10_000;
/// PostgreSQL takes longer than a file in memory, so it gets fewer cases.
const RUNS_ON_POSTGRES: u32 = 150;

const RULES: Rules = Rules {
    session_max: Duration::from_secs(1000),
    grace: Duration::from_secs(60),
    resume_window: Duration::from_secs(200),
    staleness: Duration::from_secs(3600),
    revocation_retention: Duration::from_secs(2000),
    store_timeout: Duration::from_secs(10),
};

/// How far the second replica's clock is ahead.
const SKEW: TimeDelta = TimeDelta::seconds(5);

fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn own_key() -> Thumbprint {
    Thumbprint::from_bytes([1; 32])
}

/// The browsers that present tokens, as FlexWebchatOrchestratorService presents them.
struct Browsers {
    own: Fingerprint,
    updated: Fingerprint,
    other: Fingerprint,
}

impl Browsers {
    fn new() -> Self {
        let keys = FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap();
        let keys = keys.account(AccountSid::from_bits(1));
        let browser = |system: &str, major: u8| {
            let agent = format!(
                "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
            );
            let header = |name: &str| (name == "user-agent").then_some(agent.as_bytes());
            let evidence = Evidence::from_headers(header, None, DeploymentKey::from_bits(1));
            generate(&keys, &Signals::read(&evidence).unwrap(), Sensitivity::Medium, Mode::Enforce)
        };
        let windows = "Windows NT 10.0; Win64; x64";
        Self {
            own: browser(windows, 140),
            updated: browser(windows, 142),
            other: browser("X11; Linux x86_64", 140),
        }
    }

    fn shown(&self, browser: Browser) -> Option<&Fingerprint> {
        match browser {
            Browser::Own => Some(&self.own),
            Browser::Updated => Some(&self.updated),
            Browser::Other => Some(&self.other),
            Browser::FeatureOff => None,
        }
    }
}

/// The first token of a session: the first session is bound to a key, the second to a browser, the third to neither.
fn first(number: u128, session: usize, browsers: &Browsers) -> Claims {
    let bytes = |kind: u128| (number << 16 | kind << 8 | session as u128).to_be_bytes();
    Claims {
        jti: uuid::Uuid::nil(),
        iss: Issuer::default(),
        aud: Audience::default(),
        sub: AccountSid::from_bits(number),
        iat: begin(),
        nbf: begin(),
        exp: begin() + TimeDelta::seconds(300),
        grants: GrantsClaim {
            identity: Identity::from_random(bytes(1)),
            grants: vec![Grant::Webchat(Webchat {
                address_sid: AddressSid::from_bits(1),
                deployment_key: Some(DeploymentKey::from_bits(number)),
            })],
        },
        sid: SessionId::from_random(bytes(2)),
        auth_time: begin(),
        generation: 0,
        first_fingerprint: None,
        fingerprint: (session < 2).then(|| browsers.own.clone()),
        cnf: (session == 0).then(|| Confirmation { jkt: own_key() }),
    }
}

/// A token and its holder.
#[derive(Clone)]
struct Held {
    claims: Claims,
    token: SealedToken,
}

struct Run<'a> {
    replicas: &'a mut [Replica; REPLICAS],
    browsers: &'a Browsers,
    store: &'a mut Direct,
    model: Model,
    held: [Vec<Held>; SESSIONS],
    /// The `jti` of each token, by session, generation and time.
    names: HashMap<(usize, u32, DateTime<Utc>), uuid::Uuid>,
    now: DateTime<Utc>,
}

impl Run<'_> {
    fn held(&self, session: usize, back: usize) -> Held {
        let tokens = &self.held[session];
        tokens[tokens.len() - 1 - back.min(tokens.len() - 1)].clone()
    }

    fn now(&self, replica: usize) -> DateTime<Utc> {
        if replica == 0 { self.now } else { self.now + SKEW }
    }

    async fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Refresh { replica, session, back, holder, place, ttl, lost } => {
                let (held, now) = (self.held(session, back), self.now(replica));
                let fingerprint = self.browsers.shown(holder.browser);
                let call = Refresh {
                    replica,
                    session,
                    claims: &held.claims,
                    key: holder.key,
                    fingerprint,
                    place,
                    ttl,
                    now,
                };
                let expected = self.model.refresh(&call);
                let answer = self.replicas[replica].refresh(&held.token, &call).await;
                let seen = match &answer {
                    Ok(next) => Answer::Token(Box::new(Successor {
                        generation: next.claims.generation,
                        made_at: next.claims.iat,
                        expires_at: next.claims.exp,
                        fingerprint: next.claims.fingerprint.clone(),
                        first_fingerprint: next.claims.first_fingerprint.clone(),
                    })),
                    Err(code) => Answer::Refused(code),
                };
                prop_assert_eq!(seen, expected, "{:?}", step);
                let Ok(next) = answer else { return Ok(()) };
                self.check_successor(session, &held.claims, &next.claims)?;
                if !lost {
                    self.held[session].push(next);
                }
            }
            Step::Present { replica, session, back, holder } => {
                let (held, now) = (self.held(session, back), self.now(replica));
                let fingerprint = self.browsers.shown(holder.browser);
                let expected =
                    self.model.present(replica, session, &held.claims, holder.key, fingerprint, now);
                let answer = self.replicas[replica].present(&held.token, holder.key, fingerprint, now).await;
                prop_assert_eq!(answer, expected, "{:?}", step);
            }
            Step::Flush { replica } => {
                self.model.flush(replica);
                self.replicas[replica].sas.sessions.flush_shown().await.unwrap();
            }
            Step::Revoke { replica, target } => {
                let subject = self.subject(target);
                let now = self.now(replica);
                self.model.revoke(replica, subject, now);
                self.replicas[replica].sas.sessions.revoke(subject, now).await.unwrap();
            }
            Step::Follow { replica } => {
                self.model.follow(replica);
                self.replicas[replica].sas.sessions.follow_once().await.unwrap();
            }
            Step::Wait { seconds } => self.now += TimeDelta::seconds(seconds),
            Step::Restart { replica } => {
                self.model.restart(replica);
                self.replicas[replica].restart().await;
            }
            Step::Rotate { replica } => self.replicas[replica].rotate(),
            Step::Restore { session } => {
                self.model.restore(session);
                let sid = self.held[session][0].claims.sid;
                self.store.execute(&format!("DELETE FROM sessions WHERE session_id = '{sid}'")).await;
            }
        }
        for (number, replica) in self.replicas.iter().enumerate() {
            for Held { claims, .. } in self.held.iter().flatten() {
                let expected = self.model.knows_revoked(number, claims);
                prop_assert_eq!(replica.sas.sessions.is_revoked(claims), expected, "{:?}", step);
            }
        }
        Ok(())
    }

    /// Same session, identity, grants and key; one token has one `jti`, however often it is reissued.
    fn check_successor(&mut self, session: usize, old: &Claims, new: &Claims) -> Result<(), TestCaseError> {
        prop_assert_eq!((&new.sub, &new.grants, &new.sid), (&old.sub, &old.grants, &old.sid));
        prop_assert_eq!((new.auth_time, new.nbf, &new.cnf), (old.auth_time, new.iat, &old.cnf));
        let name = self.names.entry((session, new.generation, new.iat)).or_insert(new.jti);
        prop_assert_eq!(*name, new.jti);
        let others = self.names.iter().filter(|(token, _)| **token != (session, new.generation, new.iat));
        prop_assert!(others.into_iter().all(|(_, name)| *name != new.jti));
        Ok(())
    }

    fn subject(&self, target: Target) -> RevocationTarget {
        let claims = |session: usize| &self.held[session][0].claims;
        match target {
            Target::Session(session) => RevocationTarget::Session(claims(session).sid),
            Target::Identity(session) => {
                RevocationTarget::Identity(claims(session).sub, claims(session).grants.identity)
            }
            Target::Deployment => RevocationTarget::Deployment(claims(0).deployment().unwrap()),
            Target::Account => RevocationTarget::Account(claims(0).sub),
        }
    }
}

#[test]
fn replicas_match_the_model() {
    // In memory where possible: the test is about the order of events, not the disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let database = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    replicas_answer_as_the_model_does(&runtime, &database, RUNS);
}

#[test]
fn replicas_on_postgres_match_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(async {
        let url = postgres::Cluster::shared().database().await;
        DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
        url
    });
    replicas_answer_as_the_model_does(&runtime, &database, RUNS_ON_POSTGRES);
}

fn replicas_answer_as_the_model_does(runtime: &Runtime, url: &str, runs: u32) {
    let (keys, browsers) = (Keys::new(), Browsers::new());
    let (replicas, store) = runtime.block_on(async {
        let replica = || Replica::start(url, &keys);
        ([replica().await, replica().await], Direct::connect(url).await)
    });
    let (kept, number) = (Cell::new(Some((replicas, store))), Cell::new(0u128));
    let config = ProptestConfig { cases: runs, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        number.set(number.get() + 1);
        let (mut replicas, mut store) = kept.take().unwrap();
        let outcome = runtime.block_on(async {
            if number.get() % 50 == 0 {
                // Runs are independent; leftover rows would only slow down restarts.
                let long_after = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
                while replicas[0].sas.sessions.purge(long_after).await.unwrap() > 0 {}
            }
            let held = std::array::from_fn(|session| {
                let claims = first(number.get(), session, &browsers);
                let token = replicas[0].sas.seal(&claims, TokenFormat::Encrypted).unwrap();
                vec![Held { claims, token }]
            });
            let mut run = Run {
                replicas: &mut replicas,
                browsers: &browsers,
                store: &mut store,
                model: Model::default(),
                held,
                names: HashMap::new(),
                now: begin(),
            };
            for step in &steps {
                run.step(step).await?;
            }
            Ok(())
        });
        kept.set(Some((replicas, store)));
        outcome
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(number.get() >= u128::from(runs));
}
