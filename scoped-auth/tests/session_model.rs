//! The life of sessions against a small model: random interleavings of refreshes, lost answers, replays, revocations,
//! clock steps and restarts on two replicas that share one store. Whatever happens, the replicas say what the model says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

#[path = "../../service-runtime/tests/support/postgres.rs"]
mod postgres;

use std::{cell::Cell, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use scoped_auth::{
    claims::{Audience, Claims, Issuer},
    judgement::judge_time,
    revocations::Subject,
    sessions::{Continued, Rules, Sessions},
    store::{MIGRATIONS, Store},
};
use service_runtime::database::DatabaseConfig;
use shared_types::{
    AccountSid, AddressSid, DeploymentKey, Grant, Identity, SessionId,
    grant::{GrantsClaim, Webchat},
    scoped_auth::validate::Reason,
};
use tokio::runtime::Runtime;

const RUNS: u32 = 10_000;
/// A server takes longer to answer than a file in memory; its own part is small.
const RUNS_ON_POSTGRES: u32 = 150;
const REPLICAS: usize = 2;
const SESSIONS: usize = 2;

const RULES: Rules = Rules {
    session_max: Duration::from_secs(1000),
    grace: Duration::from_secs(60),
    resume_window: Duration::from_secs(400),
    staleness: Duration::from_secs(3600),
    revocation_retention: Duration::from_secs(30 * 24 * 3600),
};
const TTL: TimeDelta = TimeDelta::seconds(300);

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// A token is presented to a replica for a new one: the newest of its session, or `back` before it. The answer may
    /// be lost, so that the guest still holds the old one only.
    Refresh { replica: usize, session: usize, back: usize, lost: bool },
    /// Tokens are revoked through a replica.
    Revoke { replica: usize, whose: Whose },
    /// A replica looks at the store.
    Follow { replica: usize },
    /// Time passes.
    Wait { seconds: i64 },
    /// A replica starts anew.
    Restart { replica: usize },
}

#[derive(Clone, Copy, Debug)]
enum Whose {
    Session(usize),
    Identity(usize),
    Deployment,
    Account,
}

/// What a replica answers to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Token { generation: u32 },
    Refused(Reason),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let replica = 0..REPLICAS;
    let session = 0..SESSIONS;
    let whose = prop_oneof![
        4 => session.clone().prop_map(Whose::Session),
        2 => session.clone().prop_map(Whose::Identity),
        1 => Just(Whose::Deployment),
        1 => Just(Whose::Account),
    ];
    let back = prop_oneof![6 => Just(0usize), 3 => Just(1usize), 1 => 2usize..5];
    let refresh = (replica.clone(), session, back, any::<bool>())
        .prop_map(|(replica, session, back, lost)| Step::Refresh { replica, session, back, lost });
    let seconds = prop_oneof![4 => 0i64..5, 3 => 55i64..65, 1 => 250i64..450];
    vec(
        prop_oneof![
            10 => refresh,
            1 => (replica.clone(), whose).prop_map(|(replica, whose)| Step::Revoke { replica, whose }),
            3 => replica.clone().prop_map(|replica| Step::Follow { replica }),
            4 => seconds.prop_map(|seconds| Step::Wait { seconds }),
            1 => replica.prop_map(|replica| Step::Restart { replica }),
        ],
        1..25,
    )
}

/// The reference: what has happened, told in the plainest way.
struct Model {
    generation: [u32; SESSIONS],
    advanced_at: [DateTime<Utc>; SESSIONS],
    /// Each revocation, with when it was made and which replicas know of it.
    revocations: Vec<(Subject, DateTime<Utc>, [bool; REPLICAS])>,
}

impl Model {
    fn knows_revoked(&self, replica: usize, claims: &Claims) -> bool {
        self.revocations.iter().any(|(subject, at, known)| {
            let covers = match subject {
                Subject::Session(session) => *session == claims.sid,
                Subject::Identity(_, identity) => {
                    *identity == claims.grants.identity && claims.auth_time <= *at
                }
                Subject::Deployment(_) | Subject::Account(_) => claims.auth_time <= *at,
            };
            known[replica] && covers
        })
    }

    fn revoke(&mut self, replica: usize, subject: Subject, now: DateTime<Utc>) {
        let mut known = [false; REPLICAS];
        known[replica] = true;
        self.revocations.push((subject, now, known));
    }

    fn learn(&mut self, replica: usize) {
        self.revocations.iter_mut().for_each(|(_, _, known)| known[replica] = true);
    }

    fn refresh(&mut self, replica: usize, session: usize, claims: &Claims, now: DateTime<Utc>) -> Answer {
        if self.knows_revoked(replica, claims) {
            return Answer::Refused(Reason::RevokedToken);
        }
        if now - claims.auth_time >= TimeDelta::from_std(RULES.session_max).unwrap() {
            return Answer::Refused(Reason::SessionExpired);
        }
        if now - claims.exp >= TimeDelta::from_std(RULES.resume_window).unwrap() {
            return Answer::Refused(Reason::ExpiredToken);
        }
        let (newest, since) = (self.generation[session], now - self.advanced_at[session]);
        if claims.generation == newest {
            self.generation[session] += 1;
            self.advanced_at[session] = now;
        } else if claims.generation + 1 != newest || since > TimeDelta::from_std(RULES.grace).unwrap() {
            self.revoke(replica, Subject::Session(claims.sid), now);
            return Answer::Refused(Reason::RevokedToken);
        }
        Answer::Token { generation: self.generation[session] }
    }
}

/// The real thing: what the handlers of `validate` and `generate` do of it.
async fn refresh(sessions: &Sessions, claims: &Claims, now: DateTime<Utc>) -> Answer {
    if sessions.are_revoked(claims) {
        return Answer::Refused(Reason::RevokedToken);
    }
    if let Err(late) = judge_time(claims, now, sessions.rules())
        && !late.may_resume
    {
        return Answer::Refused(late.refusal.reason.unwrap());
    }
    match sessions.advance(claims.sid, claims.generation, claims.auth_time, now).await.unwrap() {
        Continued::With(generation) => Answer::Token { generation },
        Continued::Reused => Answer::Refused(Reason::RevokedToken),
    }
}

/// A replica: what it knows, and its own way to the store that both share.
struct Replica {
    store: Store,
    sessions: Sessions,
}

impl Replica {
    async fn start(database: &DatabaseConfig) -> Self {
        let store = Store::open(database).await.unwrap();
        let sessions = Sessions::open(store.clone(), RULES).await.unwrap();
        Self { store, sessions }
    }

    /// All that it knew is gone, and read again.
    async fn restart(&mut self) {
        self.sessions = Sessions::open(self.store.clone(), RULES).await.unwrap();
    }
}

async fn run(replicas: &mut [Replica; REPLICAS], number: u128, steps: &[Step]) -> Result<(), TestCaseError> {
    let account = AccountSid::from_bits(number);
    let deployment = DeploymentKey::from_bits(number);
    let begin = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let mut now = begin;
    let first = |session: usize| Claims {
        jti: uuid::Uuid::nil(),
        iss: Issuer,
        aud: Audience,
        sub: account,
        iat: begin,
        nbf: begin,
        exp: begin + TTL,
        grants: GrantsClaim {
            identity: Identity::from_random((number << 8 | session as u128).to_be_bytes()),
            grants: vec![Grant::Webchat(Webchat {
                address_sid: AddressSid::from_bits(1),
                deployment_key: Some(deployment),
            })],
        },
        sid: SessionId::from_random((number << 8 | 128 | session as u128).to_be_bytes()),
        auth_time: begin,
        generation: 0,
        first_fingerprint: None,
        fingerprint: None,
        cnf: None,
    };
    let mut held: [Vec<Claims>; SESSIONS] = std::array::from_fn(|session| vec![first(session)]);
    let mut model =
        Model { generation: [0; SESSIONS], advanced_at: [begin; SESSIONS], revocations: Vec::new() };
    for step in steps {
        match *step {
            Step::Refresh { replica, session, back, lost } => {
                let tokens = &held[session];
                let claims = tokens[tokens.len() - 1 - back.min(tokens.len() - 1)].clone();
                let expected = model.refresh(replica, session, &claims, now);
                let answer = refresh(&replicas[replica].sessions, &claims, now).await;
                prop_assert_eq!(answer, expected, "{:?}", step);
                if let (Answer::Token { generation }, false) = (answer, lost) {
                    held[session].push(Claims { iat: now, nbf: now, exp: now + TTL, generation, ..claims });
                }
            }
            Step::Revoke { replica, whose } => {
                let subject = match whose {
                    Whose::Session(session) => Subject::Session(held[session][0].sid),
                    Whose::Identity(session) => Subject::Identity(account, held[session][0].grants.identity),
                    Whose::Deployment => Subject::Deployment(deployment),
                    Whose::Account => Subject::Account(account),
                };
                model.revoke(replica, subject, now);
                replicas[replica].sessions.revoke(subject, now).await.unwrap();
            }
            Step::Follow { replica } => {
                model.learn(replica);
                replicas[replica].sessions.follow_once().await.unwrap();
            }
            Step::Wait { seconds } => now += TimeDelta::seconds(seconds),
            Step::Restart { replica } => {
                model.learn(replica);
                replicas[replica].restart().await;
            }
        }
        for (number, Replica { sessions, .. }) in replicas.iter().enumerate() {
            for claims in held.iter().flatten() {
                prop_assert_eq!(
                    sessions.are_revoked(claims),
                    model.knows_revoked(number, claims),
                    "{:?}",
                    step
                );
            }
        }
    }
    Ok(())
}

#[test]
fn the_replicas_say_what_the_model_says() {
    // In memory where there is such a place: what is at stake is the order of things, not the disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let database = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    replicas_say_what_the_model_says(&runtime, &DatabaseConfig::new(database), RUNS);
}

#[test]
fn on_postgres_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(async {
        let database = DatabaseConfig::new(postgres::Cluster::shared().database().await);
        database.migrate(MIGRATIONS).await.unwrap();
        database
    });
    replicas_say_what_the_model_says(&runtime, &database, RUNS_ON_POSTGRES);
}

fn replicas_say_what_the_model_says(runtime: &Runtime, database: &DatabaseConfig, runs: u32) {
    let replicas =
        runtime.block_on(async { [Replica::start(database).await, Replica::start(database).await] });
    let (replicas, number) = (Cell::new(Some(replicas)), Cell::new(0u128));
    let config = ProptestConfig { cases: runs, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        number.set(number.get() + 1);
        let mut pair = replicas.take().unwrap();
        if number.get() % 50 == 0 {
            // Runs have nothing to do with each other; what they leave behind only makes restarts slower.
            let long_after = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
            while runtime.block_on(pair[0].store.purge(long_after)).unwrap() > 0 {}
        }
        let outcome = runtime.block_on(run(&mut pair, number.get(), &steps));
        replicas.set(Some(pair));
        outcome
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(number.get() >= u128::from(runs));
}
