//! The audit log: one event per change of a session, documented like an API in `docs/observability.md`. A session is
//! identified by a keyed hash, signals by their names; events contain no secrets.

use service_runtime::RequestContext;
use shared_types::{
    AccountSid, Identity, SessionId,
    fingerprint::{SignalSet, Verdict},
};
use token::claims::Claims;
use tracing::field::display;

use crate::{counters::level, revocations::RevocationTarget, state::State};

/// An event in a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session began.
    Created,
    /// The token was replaced by the next one.
    Refreshed,
    /// The same, after the token's `exp`.
    Resumed,
    /// The current token was returned again, for the `repeats`-th time.
    Repeated {
        /// 1, 10 or 100.
        repeats: u64,
    },
    /// The current token was made again: the response with it was lost.
    Reissued,
    /// The presented token is newer than the store's: an older copy of the store was restored.
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

/// Logs an event of a session. `claims` are those of the token that was made, or of the one presented.
pub fn event(state: &State, call: &RequestContext<'_>, event: Event, claims: &Claims) {
    let account = claims.sub.text();
    tracing::info!(
        target: "audit",
        event = event.name(),
        request_id = call.request_id.as_str(),
        trace_id = %call.trace.trace_id,
        account = &*account,
        deployment = claims.deployment().filter(|_| event == Event::Created).map(display),
        session = %state.session_hash(claims.sid),
        generation = claims.generation,
        proof_key = (event == Event::Created).then_some(claims.cnf.is_some()),
        repeats = event.repeats(),
        "audit"
    );
}

/// Logs that a new session got the identity of an earlier one, or why it did not.
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
        trace_id = %call.trace.trace_id,
        account = %account,
        subject = %identity,
        session = %state.session_hash(session),
        reason = refused,
        "audit"
    );
}

/// A rejected token, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct RejectedToken {
    /// The error code of the response, or the finding behind it.
    pub reason: &'static str,
    /// The account, if the token is authentic.
    pub account: Option<AccountSid>,
    /// The session, if the token is authentic.
    pub session: Option<SessionId>,
    /// The verdict on the browser, if that is the reason.
    pub browser: Option<Verdict>,
}

/// Logs a rejected token.
pub fn refused(state: &State, call: &RequestContext<'_>, rejected: RejectedToken) {
    tracing::info!(
        target: "audit",
        event = "session_refused",
        request_id = call.request_id.as_str(),
        trace_id = %call.trace.trace_id,
        account = rejected.account.map(display),
        session = rejected.session.map(|session| display(state.session_hash(session))),
        reason = rejected.reason,
        held = rejected.browser.map(|verdict| display(verdict.last.held)),
        drifted = rejected.browser.and_then(|verdict| named(verdict.drifted())),
        broke = rejected.browser.and_then(|verdict| named(verdict.broke())),
        points = rejected.browser.map(|verdict| verdict.last.points),
        points_since_the_beginning = rejected.browser.and_then(points_since_the_beginning),
        strictest_level = rejected.browser.map(|verdict| level(verdict.strictest)),
        comparable = rejected.browser.map(|verdict| verdict.comparable),
        "audit"
    );
}

/// A browser that is served although signals drifted or broke, or that was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintEvent {
    /// Signals drifted and the browser was accepted.
    Drifted,
    /// The browser was refused, and the account's mode is `shadow`.
    RefusedInShadow,
    /// Nothing was compared: the sealed fingerprint has a key or a format that the presented one lacks.
    Incomparable,
}

impl FingerprintEvent {
    const fn name(self) -> &'static str {
        match self {
            FingerprintEvent::Drifted => "fingerprint_drifted",
            FingerprintEvent::RefusedInShadow => "fingerprint_refused_in_shadow",
            FingerprintEvent::Incomparable => "fingerprint_incomparable",
        }
    }
}

/// Logs which signals of a browser drifted or broke, and the strictest level that still accepts it.
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
        trace_id = %call.trace.trace_id,
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
    verdict.since_session_start.map(|comparison| comparison.points)
}

/// Logs a revocation: by the `guest`, an `operator`, or for `token_reuse`.
pub fn revoked(state: &State, call: &RequestContext<'_>, target: RevocationTarget, by: &'static str) {
    let session = match target {
        RevocationTarget::Session(session) => Some(session),
        RevocationTarget::Identity(..) | RevocationTarget::Deployment(_) | RevocationTarget::Account(_) => {
            None
        }
    };
    let account = match target {
        RevocationTarget::Identity(account, _) | RevocationTarget::Account(account) => Some(account),
        RevocationTarget::Session(_) | RevocationTarget::Deployment(_) => call.account,
    };
    tracing::info!(
        target: "audit",
        event = if session.is_some() { "session_revoked" } else { "sessions_revoked" },
        request_id = call.request_id.as_str(),
        trace_id = %call.trace.trace_id,
        account = account.map(display),
        kind = target.kind(),
        // A deployment key is public; an identity concerns the account only.
        subject = session.is_none().then(|| display(target)),
        session = session.map(|session| display(state.session_hash(session))),
        reason = by,
        "audit"
    );
}
