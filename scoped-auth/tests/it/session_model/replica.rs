//! A replica of ScopedAuthService: its handlers, called as FederatedAuthService calls them, at the model's time.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use scoped_auth::{
    counters::Counters, handlers, keys_follower::KeysFollower, sessions::Sessions, state::State, store::Store,
};
use service_runtime::{Clock, Metrics, RequestContext, random::Random};
use shared_types::{
    AccountSid, DeploymentKey, Fingerprint, SealedToken, Thumbprint,
    orchestrator::NoParameters,
    scoped_auth::validate::{Request, Response, SuccessorRequest},
};
use store::DatabaseConfig;
use tempfile::TempDir;
use token::key_file::{Force, KeyFile};

use crate::session_model::{
    Held, RULES, begin,
    model::Refresh,
    own_key,
    steps::{Key, Place},
};

/// Two states of one key file: each activates one of two keys, and both keys open tokens in both.
pub(crate) struct Keys {
    before: Arc<KeysFollower>,
    after: Arc<KeysFollower>,
    _folder: TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let (folder, random) = (tempfile::tempdir().unwrap(), Random::default());
        let path = folder.path().join("keys.json");
        let now = begin() - TimeDelta::seconds(60);
        KeyFile::create(&path, random.source(), now).unwrap();
        let kid = KeyFile::change(&path, random.source(), now, |file| {
            file.generate(token::key_file::Use::Encryption, random.source(), now)
        });
        let load = |path: PathBuf| {
            let follower = KeysFollower::load(path, Clock::system(), Random::default()).unwrap();
            Arc::new(follower)
        };
        let before = load(path.clone());
        KeyFile::change(&path, random.source(), now, |file| {
            file.activate(&kid.unwrap(), begin(), Duration::from_secs(86_400), Force::Now)
        })
        .unwrap();
        Self { before, after: load(path), _folder: folder }
    }
}

/// Its in-memory state, and its own connections to the shared store.
pub(crate) struct Replica {
    store: Store,
    keys: [Arc<KeysFollower>; 2],
    pub(crate) sas: State,
}

impl Replica {
    pub(crate) async fn start(url: &str, keys: &Keys) -> Self {
        let store = Store::open(&DatabaseConfig::new(url)).await.unwrap();
        let sas = State {
            issuer: None,
            keys: Arc::clone(&keys.before),
            sessions: Sessions::open(store.clone(), RULES, begin()).await.unwrap(),
            counters: Counters::new(&Metrics::default()),
            random: Random::default(),
        };
        Self { store, keys: [Arc::clone(&keys.after), Arc::clone(&keys.before)], sas }
    }

    /// Drops the in-memory state and reads it again.
    pub(crate) async fn restart(&mut self) {
        self.sas.sessions = Sessions::open(self.store.clone(), RULES, begin()).await.unwrap();
    }

    /// Activates the other key.
    pub(crate) fn rotate(&mut self) {
        self.sas.keys = Arc::clone(&self.keys[0]);
        self.keys.swap(0, 1);
    }

    /// The successor, or the error code.
    pub(crate) async fn refresh(
        &self,
        token: &SealedToken,
        call: &Refresh<'_>,
    ) -> Result<Held, &'static str> {
        let mut successor = SuccessorRequest {
            account_sid: call.claims.sub,
            deployment_key: call.claims.deployment().unwrap(),
            ttl: call.ttl,
        };
        match call.place {
            Place::Own => {}
            Place::OtherAccount => successor.account_sid = AccountSid::from_bits(0),
            Place::OtherDeployment => successor.deployment_key = DeploymentKey::from_bits(0),
        }
        let request = request(token, call.key, call.fingerprint, Some(successor));
        match self.validate(request, call.now).await {
            Response::Authorized(authorized) => {
                let token = authorized.successor.unwrap().token;
                Ok(Held { claims: self.sas.open(&token).unwrap(), token })
            }
            Response::Refused(refused) => Err(refused.code().as_str()),
        }
    }

    /// Whether the token is valid for a request, or the error code.
    pub(crate) async fn present(
        &self,
        token: &SealedToken,
        key: Key,
        fingerprint: Option<&Fingerprint>,
        now: DateTime<Utc>,
    ) -> Result<(), &'static str> {
        match self.validate(request(token, key, fingerprint, None), now).await {
            Response::Authorized(_) => Ok(()),
            Response::Refused(refused) => Err(refused.code().as_str()),
        }
    }

    async fn validate(&self, request: Request, now: DateTime<Utc>) -> Response {
        let headers = HeaderMap::new();
        let mut call = RequestContext::new(&headers, None, &Clock::system(), &self.sas.random);
        call.now = now;
        handlers::validate(&self.sas, &mut call, NoParameters {}, request).await.unwrap()
    }
}

fn request(
    token: &SealedToken,
    key: Key,
    fingerprint: Option<&Fingerprint>,
    successor: Option<SuccessorRequest>,
) -> Request {
    let jkt = match key {
        Key::Own => Some(own_key()),
        Key::Other => Some(Thumbprint::from_bytes([2; 32])),
        Key::None => None,
    };
    Request { token: token.clone(), fingerprint: fingerprint.cloned(), jkt, successor, assertion: None }
}
