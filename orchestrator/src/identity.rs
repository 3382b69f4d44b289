//! `Identity` of `Init`: a returning guest requests the identity of an earlier session (contract, section 4). It is
//! granted to the holder of the proof key of that identity's last session at this account and deployment, and for
//! nothing else: everybody in a chat knows an identity, and a likeness of browsers can be guessed.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use service_runtime::RequestContext;
use shared_types::{Identity, Thumbprint, scoped_auth::generate::EarlierSession};

use crate::{configuration::Snapshot, error::Error, expiring_map::ExpiringMap, networks, state::State};

/// What a call says of the identity that it would like to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityRequest {
    /// Nothing.
    None,
    /// This one.
    Wanted(Identity),
    /// Something that is no identity. The guest gets a new one all the same.
    Malformed,
}

impl IdentityRequest {
    /// Reads the field; an empty one requests nothing.
    pub fn read(field: Option<&Value>) -> Self {
        match field {
            None | Some(Value::Null) => Self::None,
            Some(Value::String(text)) if text.is_empty() => Self::None,
            Some(Value::String(text)) => text.parse().map_or(Self::Malformed, Self::Wanted),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Self::Malformed,
        }
    }
}

/// The call that requests an identity.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// The configuration of its deployment.
    pub snapshot: &'a Snapshot,
    /// The key that it proved to hold, with a current nonce.
    pub jkt: Option<Thumbprint>,
    /// The visitor's address.
    pub client: Option<IpAddr>,
    /// Whether its request is looked at ([`is_considered`]).
    pub is_considered: bool,
}

/// Why a request for an identity is refused, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Malformed,
    TooMany,
    NoProof,
    Unknown,
    Ended,
    OtherKey,
}

impl Refusal {
    const fn name(self) -> &'static str {
        match self {
            Refusal::Malformed => "malformed",
            Refusal::TooMany => "too_many",
            Refusal::NoProof => "no_proof",
            Refusal::Unknown => "unknown",
            Refusal::Ended => "ended",
            Refusal::OtherKey => "other_key",
        }
    }
}

/// Whether the request will be looked at: not after the visitor's fifth refused one within an hour.
pub fn is_considered(
    state: &State,
    client: Option<IpAddr>,
    call: &RequestContext<'_>,
    request: IdentityRequest,
) -> bool {
    request != IdentityRequest::None && !state.identity_refusals.are_too_many(client, call.now)
}

/// The requested identity and its last session, if the call proved the key of that session.
///
/// # Errors
///
/// If the store fails: a refusal then would take the guest's identity away.
pub async fn earlier(
    state: &State,
    call: &RequestContext<'_>,
    requester: Requester<'_>,
    request: IdentityRequest,
) -> Result<Option<(Identity, EarlierSession)>, Error> {
    let (wanted, outcome) = match request {
        IdentityRequest::None => return Ok(None),
        IdentityRequest::Malformed => (None, Err(Refusal::Malformed)),
        IdentityRequest::Wanted(wanted) if !requester.is_considered => (Some(wanted), Err(Refusal::TooMany)),
        IdentityRequest::Wanted(wanted) => (Some(wanted), look_up(state, requester, wanted).await?),
    };
    match (wanted, outcome) {
        (Some(wanted), Ok(session)) => Ok(Some((wanted, session))),
        (wanted, outcome) => {
            refused(state, call, requester.client, wanted, outcome.err().unwrap_or(Refusal::Malformed));
            Ok(None)
        }
    }
}

/// Counts a request that ScopedAuthService refused: the session or the identity was revoked.
pub fn count_refusal(state: &State, client: Option<IpAddr>, call: &RequestContext<'_>) {
    state.identity_refusals.add(client, call.now);
}

async fn look_up(
    state: &State,
    Requester { snapshot, jkt, .. }: Requester<'_>,
    wanted: Identity,
) -> Result<Result<EarlierSession, Refusal>, Error> {
    let Some(jkt) = jkt else { return Ok(Err(Refusal::NoProof)) };
    let last =
        state.conversations.last_session(snapshot.account.sid, snapshot.deployment.key, wanted).await?;
    let Some(last) = last else { return Ok(Err(Refusal::Unknown)) };
    Ok(match last.jkt {
        Some(key) if key == jkt && last.ended => Err(Refusal::Ended),
        Some(key) if key == jkt => Ok(last.session),
        Some(_) | None => Err(Refusal::OtherKey),
    })
}

fn refused(
    state: &State,
    call: &RequestContext<'_>,
    client: Option<IpAddr>,
    wanted: Option<Identity>,
    refusal: Refusal,
) {
    // One that was not looked at would otherwise keep the visitor out for longer.
    if refusal != Refusal::TooMany {
        count_refusal(state, client, call);
    }
    tracing::info!(
        target: "audit",
        event = "identity_refused",
        request_id = call.request_id.as_str(),
        trace_id = call.trace.trace_id().as_str(),
        account = call.account.map(tracing::field::display),
        subject = wanted.map(tracing::field::display),
        reason = refusal.name(),
        "audit"
    );
}

/// The refused requests of visitors, in bounded memory: the last [`MOST`](Self::MOST) of each.
#[derive(Debug)]
pub struct IdentityRefusals(ExpiringMap<[u32; IdentityRefusals::MOST]>);

impl IdentityRefusals {
    /// After how many refused requests within [`WITHIN`](Self::WITHIN) a visitor's requests are not looked at.
    pub const MOST: usize = 5;

    /// In what time they count.
    pub const WITHIN: TimeDelta = TimeDelta::hours(1);

    /// How many visitors are remembered for the hour, and as many of the hour before: 8 MB at most. Beyond that the ones
    /// that were idle longest are forgotten early.
    const VISITORS: usize = 65_536;

    /// No refusals.
    pub fn new() -> Self {
        Self(ExpiringMap::new(Self::WITHIN, Self::VISITORS))
    }

    /// Counts a refusal.
    pub fn add(&self, client: Option<IpAddr>, now: DateTime<Utc>) {
        let hash = self.0.hash(networks::visitor(client));
        let mut shard = self.0.shard(hash, now);
        let mut times = shard.find(hash).unwrap_or_default();
        times.rotate_left(1);
        if let Some(last) = times.last_mut() {
            *last = seconds(now);
        }
        shard.put_and_forget(hash, times);
    }

    /// Whether the visitor has used them up.
    pub fn are_too_many(&self, client: Option<IpAddr>, now: DateTime<Utc>) -> bool {
        let hash = self.0.hash(networks::visitor(client));
        let times = self.0.shard(hash, now).find(hash).unwrap_or_default();
        let since = seconds(now - Self::WITHIN);
        // 0 is a place that was never used.
        times.iter().all(|time| *time > since)
    }
}

impl Default for IdentityRefusals {
    fn default() -> Self {
        Self::new()
    }
}

/// Seconds since 1970: good until 2106.
fn seconds(time: DateTime<Utc>) -> u32 {
    u32::try_from(time.timestamp().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_fifth_refusal_within_an_hour_is_the_last_one_looked_at() {
        let refusals = IdentityRefusals::new();
        let [here, there] = ["203.0.113.9", "203.0.113.10"].map(|address| Some(address.parse().unwrap()));
        for n in 0..5 {
            assert!(!refusals.are_too_many(here, at(n * 600)), "{n}");
            refusals.add(here, at(n * 600));
        }
        assert!(refusals.are_too_many(here, at(2400)));
        assert!(refusals.are_too_many(here, at(3599)));
        assert!(!refusals.are_too_many(there, at(2400)));
        // The first one is an hour old.
        assert!(!refusals.are_too_many(here, at(3600)));
        refusals.add(here, at(3600));
        assert!(refusals.are_too_many(here, at(3600)));
        assert!(!refusals.are_too_many(here, at(4200)));
    }

    #[test]
    fn the_field_is_read_without_an_error() {
        let identity = "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77";
        let wanted = IdentityRequest::Wanted(identity.parse().unwrap());
        assert_eq!(IdentityRequest::read(None), IdentityRequest::None);
        for (field, expected) in [
            (json!(identity), wanted),
            (json!(""), IdentityRequest::None),
            (json!(null), IdentityRequest::None),
            (json!("me"), IdentityRequest::Malformed),
            (json!(7), IdentityRequest::Malformed),
            (json!({"a": [identity]}), IdentityRequest::Malformed),
        ] {
            assert_eq!(IdentityRequest::read(Some(&field)), expected, "{field}");
        }
    }
}
