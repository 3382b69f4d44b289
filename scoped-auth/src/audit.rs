//! The audit log: one event for each thing that happened to a session, documented like an API in
//! `docs/observability.md`. It names a session by a keyed hash, signals by their names, and holds no secret.

use service_runtime::RequestContext;
use shared_types::{
    AccountSid, Identity, SessionId,
    fingerprint::{Sensitivity, SignalSet, Verdict},
};
use tracing::field::display;

use crate::{claims::Claims, revocations::RevocationTarget, state::State};

/// An event of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It began.
    Created,
    /// Its token was replaced by the next one.
    Refreshed,
    /// The same, after the token's `exp`.
    Resumed,
    /// Its current token was handed out again, for the `repeats`-th time.
    Repeated {
        /// 1, 10 or 100.
        repeats: u64,
    },
    /// The answer with its current token was lost, and the token was made anew.
    Reissued,
    /// A token was presented that is later than the store knows: an older copy of the store was restored.
    StoreRestored,
}

impl Event {
    const fn name(self) -> &'static str {
        match self {
            Event::Created => "session_created",
            Event::Refreshed => "session_refreshed",
            Event::Resumed => "session_resumed",
            Event::Repeated { .. } => "successor_repeated",
            Event::Reissued => "successor_reissued",
            Event::StoreRestored => "store_restored",
        }
    }

    const fn repeats(self) -> Option<u64> {
        if let Event::Repeated { repeats } = self { Some(repeats) } else { None }
    }
}

/// Logs an event of the session that these claims are of: those of the token that was made, or that was presented.
pub fn event(state: &State, call: &RequestContext<'_>, event: Event, claims: &Claims) {
    let account = claims.sub.text();
    tracing::info!(
        target: "audit",
        event = event.name(),
        request_id = call.request_id.as_str(),
        trace_id = call.trace.trace_id().as_str(),
        account = &*account,
        deployment = claims.deployment().filter(|_| event == Event::Created).map(display),
        session = %state.session_hash(claims.sid),
        generation = claims.generation,
        proof_key = (event == Event::Created).then_some(claims.cnf.is_some()),
        repeats = event.repeats(),
        "audit"
    );
}

/// Logs that a new session was given an identity of an earlier one, or why not.
pub fn identity(
    state: &State,
    call: &RequestContext<'_>,
    account: AccountSid,
    identity: Identity,
    session: SessionId,
    refused: Option<&'static str>,
) {
    tracing::info!(
        target: "audit",
        event = if refused.is_none() { "identity_granted" } else { "identity_refused" },
        request_id = call.request_id.as_str(),
        trace_id = call.trace.trace_id().as_str(),
        account = %account,
        subject = %identity,
        session = %state.session_hash(session),
        reason = refused,
        "audit"
    );
}

/// Why a token was refused, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusal {
    /// The code that the guest is told, or what was found behind it.
    pub reason: &'static str,
    /// The account, once the token proved authentic.
    pub account: Option<AccountSid>,
    /// The session, once the token proved authentic.
    pub session: Option<SessionId>,
    /// What was found of the browser, if it is why.
    pub browser: Option<Verdict>,
}

/// Writes down that a token was refused.
pub fn refused(state: &State, call: &RequestContext<'_>, refusal: Refusal) {
    tracing::info!(
        target: "audit",
        event = "session_refused",
        request_id = call.request_id.as_str(),
        trace_id = call.trace.trace_id().as_str(),
        account = refusal.account.map(tracing::field::display),
        session = refusal.session.map(|session| tracing::field::display(state.session_hash(session))),
        reason = refusal.reason,
        held = refusal.browser.map(|verdict| display(verdict.last.held)),
        drifted = refusal.browser.and_then(|verdict| named(verdict.drifted())),
        broke = refusal.browser.and_then(|verdict| named(verdict.broke())),
        points = refusal.browser.map(|verdict| verdict.last.points),
        points_since_the_beginning = refusal.browser.and_then(points_since_the_beginning),
        strictest_level = refusal.browser.map(|verdict| level(verdict.strictest)),
        comparable = refusal.browser.map(|verdict| verdict.comparable),
        "audit"
    );
}

/// A browser that is not as it was, and is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintEvent {
    /// It was accepted though signals of it moved.
    Drifted,
    /// It was refused, and the account's mode is `shadow`.
    RefusedInShadow,
}

impl FingerprintEvent {
    const fn name(self) -> &'static str {
        match self {
            FingerprintEvent::Drifted => "fingerprint_drifted",
            FingerprintEvent::RefusedInShadow => "fingerprint_refused_in_shadow",
        }
    }
}

/// Writes down which signals of a browser moved, and what every level makes of it.
pub fn fingerprint(
    state: &State,
    call: &RequestContext<'_>,
    event: FingerprintEvent,
    claims: &Claims,
    verdict: &Verdict,
) {
    tracing::info!(
        target: "audit",
        event = event.name(),
        request_id = call.request_id.as_str(),
        trace_id = call.trace.trace_id().as_str(),
        account = %claims.sub,
        session = %state.session_hash(claims.sid),
        held = %verdict.last.held,
        drifted = named(verdict.drifted()),
        broke = named(verdict.broke()),
        points = verdict.last.points,
        points_since_the_beginning = points_since_the_beginning(*verdict),
        strictest_level = level(verdict.strictest),
        comparable = verdict.comparable,
        "audit"
    );
}

fn named(signals: SignalSet) -> Option<tracing::field::DisplayValue<SignalSet>> {
    (!signals.is_empty()).then(|| display(signals))
}

fn points_since_the_beginning(verdict: Verdict) -> Option<u16> {
    verdict.since_the_beginning.map(|comparison| comparison.points)
}

/// The strictest level that accepts a browser, or `none`.
pub fn level(strictest: Option<Sensitivity>) -> &'static str {
    strictest.map_or("none", Sensitivity::name)
}

/// Writes down that tokens were revoked: by the `guest`, an `operator`, or for `token_reuse`.
pub fn revoked(state: &State, call: &RequestContext<'_>, subject: RevocationTarget, by: &'static str) {
    let session = match subject {
        RevocationTarget::Session(session) => Some(session),
        RevocationTarget::Identity(..) | RevocationTarget::Deployment(_) | RevocationTarget::Account(_) => {
            None
        }
    };
    let account = match subject {
        RevocationTarget::Identity(account, _) | RevocationTarget::Account(account) => Some(account),
        RevocationTarget::Session(_) | RevocationTarget::Deployment(_) => call.account,
    };
    tracing::info!(
        target: "audit",
        event = if session.is_some() { "session_revoked" } else { "sessions_revoked" },
        request_id = call.request_id.as_str(),
        trace_id = call.trace.trace_id().as_str(),
        account = account.map(tracing::field::display),
        kind = subject.kind(),
        // A deployment key is public; an identity is the account's own business.
        subject = session.is_none().then(|| tracing::field::display(subject)),
        session = session.map(|session| tracing::field::display(state.session_hash(session))),
        reason = by,
        "audit"
    );
}
