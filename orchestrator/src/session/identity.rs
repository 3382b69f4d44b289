//! `Identity` of `Init`: a returning guest requests the identity of an earlier session (contract, section 4). It is
//! granted only to the holder of the proof key of that identity's last session at this account and deployment. Nothing
//! weaker is enough: every participant of a chat sees an identity, and similar browsers can be guessed.

use std::net::IpAddr;

use serde_json::Value;
use service_runtime::RequestContext;
use shared_types::{Identity, scoped_auth::generate::EarlierSession};

use crate::{admission::Admitted, error::Error, session::identity_refusals::IdentityRefusals, state::State};

/// The identity in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityRequest {
    /// No identity is requested.
    None,
    /// This one.
    Wanted(Identity),
    /// Not an identity. The guest gets a new one, as after any refusal.
    Malformed,
}

impl IdentityRequest {
    /// Parses the field. A missing or empty one requests nothing.
    pub fn read(field: Option<&Value>) -> Self {
        match field {
            None | Some(Value::Null) => Self::None,
            Some(Value::String(text)) if text.is_empty() => Self::None,
            Some(Value::String(text)) => text.parse().map_or(Self::Malformed, Self::Wanted),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Self::Malformed,
        }
    }
}

/// Why a request for an identity is refused, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdentityRefusal {
    Malformed,
    TooMany,
    NoProof,
    Unknown,
    Ended,
    OtherKey,
}

impl IdentityRefusal {
    const fn as_str(self) -> &'static str {
        match self {
            IdentityRefusal::Malformed => "malformed",
            IdentityRefusal::TooMany => "too_many",
            IdentityRefusal::NoProof => "no_proof",
            IdentityRefusal::Unknown => "unknown",
            IdentityRefusal::Ended => "ended",
            IdentityRefusal::OtherKey => "other_key",
        }
    }
}

/// Whether the request is considered: not after the visitor's fifth refused one within an hour.
pub fn is_considered(
    refusals: &IdentityRefusals,
    client: Option<IpAddr>,
    context: &RequestContext<'_>,
    request: IdentityRequest,
) -> bool {
    request != IdentityRequest::None && !refusals.are_too_many(client, context.now)
}

/// The requested identity and its last session, if the request proved possession of that session's key.
///
/// # Errors
///
/// If the store fails: treating that as a refusal would take the guest's identity away.
pub async fn earlier_session(
    state: &State,
    context: &RequestContext<'_>,
    admitted: &Admitted,
    request: IdentityRequest,
) -> Result<Option<(Identity, EarlierSession)>, Error> {
    let (wanted, found) = match request {
        IdentityRequest::None => return Ok(None),
        IdentityRequest::Malformed => (None, Err(IdentityRefusal::Malformed)),
        IdentityRequest::Wanted(wanted) if !admitted.identity_is_considered => {
            (Some(wanted), Err(IdentityRefusal::TooMany))
        }
        IdentityRequest::Wanted(wanted) => (Some(wanted), look_up(state, context, admitted, wanted).await?),
    };
    match (wanted, found) {
        (Some(wanted), Ok(session)) => Ok(Some((wanted, session))),
        (wanted, found) => {
            let refusal = found.err().unwrap_or(IdentityRefusal::Malformed);
            record_refusal(&state.identity_refusals, context, admitted.client, wanted, refusal);
            Ok(None)
        }
    }
}

async fn look_up(
    state: &State,
    context: &RequestContext<'_>,
    Admitted { config, jkt, .. }: &Admitted,
    wanted: Identity,
) -> Result<Result<EarlierSession, IdentityRefusal>, Error> {
    let Some(jkt) = jkt else { return Ok(Err(IdentityRefusal::NoProof)) };
    let (account, deployment) = (config.account.sid, config.deployment.key);
    let last = state.conversations.last_session(account, deployment, wanted).await?;
    let Some(last) = last else { return Ok(Err(IdentityRefusal::Unknown)) };
    context.step("Compares the key with that of the identity's last session");
    Ok(match last.jkt {
        Some(key) if key == *jkt && last.ended => Err(IdentityRefusal::Ended),
        Some(key) if key == *jkt => Ok(last.session),
        Some(_) | None => Err(IdentityRefusal::OtherKey),
    })
}

fn record_refusal(
    refusals: &IdentityRefusals,
    context: &RequestContext<'_>,
    client: Option<IpAddr>,
    wanted: Option<Identity>,
    refusal: IdentityRefusal,
) {
    // Counting a request that was not considered would extend the visitor's lockout.
    if refusal != IdentityRefusal::TooMany {
        refusals.add(client, context.now);
    }
    tracing::info!(
        target: "audit",
        event = "identity_refused",
        request_id = context.request_id.as_str(),
        trace_id = %context.trace.trace_id,
        account = context.account.map(tracing::field::display),
        subject = wanted.map(tracing::field::display),
        reason = refusal.as_str(),
        "audit"
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_malformed_field_is_not_an_error() {
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
