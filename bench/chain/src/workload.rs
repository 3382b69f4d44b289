//! The requests of a path, prepared for the load generator. Service and yardsticks are sent the same requests.

use std::{
    fs,
    net::SocketAddr,
    path::{Path as FilePath, PathBuf},
};

use crate::{Outcome, accounts, browser::Request, minting, path::Path, script::Question, wrk::Load};

/// Number of sessions that are refreshed in turn.
const REFRESHED: usize = 2000;
/// Number of tokens that are validated in turn.
const JUDGED: usize = 256;
/// Number of conversations that receive messages in turn.
const SPOKEN_IN: usize = 200;

const FIXED: (&str, &str) = ("fixed.lua", include_str!("../wrk/fixed.lua"));
const ROTATE: (&str, &str) = ("rotate.lua", include_str!("../wrk/rotate.lua"));
const ONCE: (&str, &str) = ("once.lua", include_str!("../wrk/once.lua"));
const REFRESH: (&str, &str) = ("refresh.lua", include_str!("../wrk/refresh.lua"));

/// The requests of a path.
pub(crate) struct Workload {
    folder: PathBuf,
    load: Load,
    tokens: Tokens,
    orchestrator: SocketAddr,
    deployments: Vec<String>,
}

/// The unused tokens that a run needs.
enum Tokens {
    /// None.
    Kept,
    /// One per session.
    Rotated,
    /// One per request, of which there may be this many per second.
    Spent { per_second: f64 },
}

impl Workload {
    /// The requests of `path` to this FWO, for these deployments in turn where the path names one.
    pub(crate) fn new(
        path: Path,
        orchestrator: SocketAddr,
        deployments: Vec<String>,
        validate: &Question,
        folder: PathBuf,
    ) -> Outcome<Self> {
        fs::create_dir_all(&folder)?;
        let deployment = deployments.first().ok_or("no deployment")?;
        let (script, raw, tokens) = match path {
            Path::Create | Path::CreateOff if deployments.len() == 1 => {
                (FIXED, Request::create(deployment).raw(), Tokens::Kept)
            }
            Path::Create | Path::CreateOff => {
                let requests = deployments.iter().map(|deployment| Request::create(deployment).raw());
                (ROTATE, in_turn(requests), Tokens::Kept)
            }
            Path::Refresh => (REFRESH, Request::refresh("KEY", "TOKEN").raw(), Tokens::Rotated),
            Path::Validate => {
                let sessions = minting::sessions(orchestrator, &[accounts::ON.to_owned()], JUDGED)?;
                let requests = sessions.iter().map(|session| judging(validate, &session.token));
                (ROTATE, in_turn(requests), Tokens::Kept)
            }
            Path::Open => (ONCE, Request::open("TOKEN").raw(), Tokens::Spent { per_second: 10_000.0 }),
            Path::Message => {
                let conversations = minting::conversations(orchestrator, deployment, SPOKEN_IN)?;
                let requests = conversations.iter().map(|(sid, token)| Request::message(token, sid).raw());
                (ROTATE, in_turn(requests), Tokens::Kept)
            }
        };
        let file = |name: &str, bytes: &[u8]| -> Outcome<PathBuf> {
            let file = folder.join(name);
            fs::write(&file, bytes)?;
            Ok(file)
        };
        let (name, text) = script;
        let mut arguments = vec![file("requests", &raw)?];
        if !matches!(tokens, Tokens::Kept) {
            arguments.push(file("tokens", b"")?);
        }
        let load = Load { script: file(name, text.as_bytes())?, arguments };
        Ok(Self { folder, load, tokens, orchestrator, deployments })
    }

    /// The load for `seconds`. With `fresh` it has unused tokens, which the services need.
    pub(crate) fn load(&self, fresh: bool, seconds: f64) -> Outcome<&Load> {
        let count = match self.tokens {
            Tokens::Kept => return Ok(&self.load),
            // One for each deployment, unless it is only a warm-up.
            Tokens::Rotated if seconds >= 1.0 => REFRESHED.max(self.deployments.len()),
            Tokens::Rotated => REFRESHED,
            Tokens::Spent { per_second } => (per_second * seconds) as usize,
        };
        if fresh || fs::metadata(self.tokens_file())?.len() == 0 {
            let sessions = minting::sessions(self.orchestrator, &self.deployments, count)?;
            let line = |session: &minting::Session| match self.tokens {
                Tokens::Rotated => format!("{} {} {}\n", session.token, session.deployment, session.identity),
                Tokens::Kept | Tokens::Spent { .. } => format!("{}\n", session.token),
            };
            fs::write(self.tokens_file(), sessions.iter().map(line).collect::<String>())?;
        }
        Ok(&self.load)
    }

    /// Records how many requests a run made. An error if some of them had no unused token.
    pub(crate) fn record_rate(&mut self, requests: u64, seconds: f64) -> Outcome<()> {
        let Tokens::Spent { per_second } = &mut self.tokens else { return Ok(()) };
        let seen = requests as f64 / seconds;
        if seen > *per_second {
            return Err(format!("{per_second:.0} tokens a second are too few for {seen:.0} requests").into());
        }
        *per_second = per_second.max(2.0 * seen);
        Ok(())
    }

    fn tokens_file(&self) -> PathBuf {
        FilePath::join(&self.folder, "tokens")
    }
}

fn in_turn(requests: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    for request in requests {
        all.extend_from_slice(format!("{}\n", request.len()).as_bytes());
        all.extend_from_slice(&request);
    }
    all
}

fn judging(validate: &Question, token: &str) -> Vec<u8> {
    let body = validate.body.replace("TOKEN", token);
    let host = ("Host".to_owned(), "127.0.0.1".to_owned());
    let headers = validate.headers.iter().cloned().chain([host]).collect();
    Request { path: validate.path.clone(), headers, body }.raw()
}
