//! Sessions and conversations made before a measurement, through the services' public routes.

use std::{net::SocketAddr, thread};

use crate::{
    Outcome,
    browser::Request,
    http::{Connection, Message},
};

/// Number of connections to make them over.
const CONNECTIONS: usize = 8;

/// A new session.
pub(crate) struct Session {
    /// Its first token.
    pub(crate) token: String,
    /// Its deployment.
    pub(crate) deployment: String,
    /// Its identity.
    pub(crate) identity: String,
}

/// Creates `count` sessions, at these deployments in turn.
pub(crate) fn sessions(
    orchestrator: SocketAddr,
    deployments: &[String],
    count: usize,
) -> Outcome<Vec<Session>> {
    let theirs: Vec<&String> = deployments.iter().cycle().take(count).collect();
    let requests: Vec<_> = theirs.iter().map(|deployment| Request::create(deployment)).collect();
    let answers = all(orchestrator, &requests)?;
    let sessions = answers.iter().zip(theirs).map(|(answer, deployment)| {
        let [token, identity] = [answer.member("token")?, answer.member("identity")?];
        Ok(Session { token, deployment: deployment.clone(), identity })
    });
    sessions.collect()
}

/// Conversations, each with the token of its session.
pub(crate) fn conversations(
    orchestrator: SocketAddr,
    deployment: &str,
    count: usize,
) -> Outcome<Vec<(String, String)>> {
    let sessions = sessions(orchestrator, &[deployment.to_owned()], count)?;
    let requests: Vec<_> = sessions.iter().map(|session| Request::open(&session.token)).collect();
    let opened = all(orchestrator, &requests)?;
    let sids = opened.iter().map(|answer| answer.member("conversation_sid"));
    sids.zip(sessions).map(|(sid, session)| Ok((sid?, session.token))).collect()
}

/// The responses to these requests, in order.
fn all(to: SocketAddr, requests: &[Request]) -> Outcome<Vec<Message>> {
    let share = requests.len().div_ceil(CONNECTIONS).max(1);
    let answers = thread::scope(|scope| {
        let started: Vec<_> = requests
            .chunks(share)
            .map(|requests| {
                scope.spawn(move || -> Outcome<Vec<Message>> {
                    let mut connection = Connection::open(to)?;
                    requests.iter().map(|request| connection.succeed(&request.raw())).collect()
                })
            })
            .collect();
        let finished =
            started.into_iter().map(|thread| thread.join().map_err(|_| "a minting thread failed")?);
        finished.collect::<Outcome<Vec<_>>>()
    })?;
    Ok(answers.into_iter().flatten().collect())
}
