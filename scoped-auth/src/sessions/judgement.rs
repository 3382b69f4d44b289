//! `SAS ->> SAS: Validates token and fingerprint`: judges opened claims at a time, and the browser and key that present
//! them. Pure; revocation is checked by the handler.

use chrono::{DateTime, Utc};
use shared_types::{
    Fingerprint, Thumbprint,
    fingerprint::{BoundFingerprint, Mode, Verdict, judge},
    scoped_auth::validate::{Reason, RefusalMessage},
};

use token::claims::Claims;

use super::rules::Rules;

/// The holder that presents a token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder<'a> {
    /// The browser, if the account uses fingerprints.
    pub fingerprint: Option<&'a Fingerprint>,
    /// The DPoP key of which it proved possession.
    pub jkt: Option<Thumbprint>,
}

/// A valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it has expired and may only be refreshed.
    pub resumed: bool,
    /// The verdict on its holder.
    pub holder: HolderVerdict,
}

/// Why a token is rejected for this holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Whether token, fingerprint or proof failed.
    pub message: RefusalMessage,
    /// The defect of the token.
    pub reason: Option<Reason>,
    /// The verdict on the browser, if that is the reason.
    pub browser: Option<Verdict>,
}

impl Rejection {
    /// The verdict on the browser, if nothing was compared: a fault of the operator, and no finding about the browser.
    pub fn incomparable(&self) -> Option<&Verdict> {
        self.browser.as_ref().filter(|verdict| !verdict.comparable)
    }

    /// Rejects the token itself.
    pub const fn token(reason: Reason) -> Self {
        Self { message: RefusalMessage::TokenValidationFailed, reason: Some(reason), browser: None }
    }
}

/// Judges the claims at a time.
///
/// # Errors
///
/// Those of [`Claims::judge`]. With `refresh` an expired token is not an error yet: whether its holder may resume the
/// session is decided once the holder is judged.
pub fn judge_time(
    claims: &Claims,
    now: DateTime<Utc>,
    rules: &Rules,
    refresh: bool,
) -> Result<Validity, Rejection> {
    match claims.judge(now, rules.session_max) {
        Ok(()) => Ok(Validity::Valid),
        Err(reason @ (Reason::ExpiredToken | Reason::SessionExpired)) if refresh => {
            Ok(Validity::Expired(reason))
        }
        Err(reason) => Err(Rejection::token(reason)),
    }
}

/// Whether a token to be refreshed has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It has not expired.
    Valid,
    /// It has expired, or its session has ended.
    Expired(Reason),
}

/// The verdict on a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderVerdict {
    /// The verdict on the browser, if the token is bound to one and one is presented.
    pub browser: Option<Verdict>,
    /// Whether the holder is the same, by the fingerprint or the key that the token is bound to.
    pub proved: bool,
}

impl HolderVerdict {
    /// Whether the browser failed the check and is served nevertheless: the account's mode is `shadow`.
    pub fn is_served_in_shadow(&self) -> bool {
        self.browser.is_some_and(|verdict| !verdict.accepted) && !self.is_bound_anew()
    }

    /// Whether the session's key was proved, and the browser cannot be compared with the sealed one. Its successor is
    /// bound to the presented fingerprint.
    pub fn is_bound_anew(&self) -> bool {
        self.proved && self.browser.is_some_and(|verdict| !verdict.comparable)
    }
}

/// The words on the arrow: what is validated besides the token. The fingerprint is, if one is presented; a key is, if the
/// session is bound to one.
pub fn validation_step(fingerprint: bool, key: bool) -> &'static str {
    match (fingerprint, key) {
        (false, false) => "Validates token",
        (true, false) => "Validates token and fingerprint",
        (false, true) => "Validates token and key",
        (true, true) => "Validates token, key and fingerprint",
    }
}

/// Judges the holder: the browser against the fingerprint that the token is bound to, the key against its `cnf`. A session
/// that is bound to a key needs a proof by it in every request (RFC 9449, section 7.1).
pub fn judge_holder(claims: &Claims, holder: Holder<'_>) -> Result<HolderVerdict, Rejection> {
    let key_is_proved = match (claims.cnf, holder.jkt) {
        (None, _) => false,
        (Some(bound), Some(proved)) if bound.jkt == proved => true,
        (Some(_), _) => {
            return Err(Rejection {
                message: RefusalMessage::ProofValidationFailed,
                reason: None,
                browser: None,
            });
        }
    };
    let (Some(sealed), Some(presented)) = (&claims.fingerprint, holder.fingerprint) else {
        return Ok(HolderVerdict { browser: None, proved: key_is_proved });
    };
    let first = claims.first_fingerprint.as_ref();
    let verdict = judge(BoundFingerprint { sealed, first, key_is_proved }, presented);
    match (verdict.accepted, verdict.mode) {
        (true, _) => Ok(HolderVerdict { browser: Some(verdict), proved: true }),
        // The key or format of the sealed fingerprint was removed too early: nothing was compared, and the proof
        // identifies the holder.
        (false, _) if !verdict.comparable && key_is_proved => {
            Ok(HolderVerdict { browser: Some(verdict), proved: true })
        }
        (false, Mode::Shadow) => Ok(HolderVerdict { browser: Some(verdict), proved: key_is_proved }),
        (false, Mode::Enforce) => Err(Rejection {
            message: RefusalMessage::FingerprintValidationFailed,
            reason: None,
            browser: Some(verdict),
        }),
    }
}

/// The browsers that a token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The present browser, so that slow drift is accepted.
    pub fingerprint: Option<Fingerprint>,
    /// The browser that the session began with, if it differs.
    pub first_fingerprint: Option<Fingerprint>,
}

/// The binding of a token's successor. A browser that was not accepted, or not presented, leaves the binding unchanged.
pub fn binding_of_successor(claims: &Claims, holder: Holder<'_>, verdict: &HolderVerdict) -> Binding {
    let (sealed, first) = (&claims.fingerprint, &claims.first_fingerprint);
    let now = match holder.fingerprint {
        Some(presented) if !verdict.is_served_in_shadow() => presented.preferred(),
        Some(_) | None => {
            return Binding { fingerprint: sealed.clone(), first_fingerprint: first.clone() };
        }
    };
    if verdict.is_bound_anew() {
        return Binding { fingerprint: Some(now), first_fingerprint: None };
    }
    // A first fingerprint that could not be compared is replaced by the oldest that could.
    let comparable = verdict.browser.is_some_and(|verdict| verdict.since_session_start.is_some());
    let first = first.as_ref().filter(|_| comparable).or(sealed.as_ref());
    let first = first.filter(|first| **first != now).cloned();
    Binding { fingerprint: Some(now), first_fingerprint: first }
}
