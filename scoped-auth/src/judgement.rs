//! `SAS ->> SAS: Validates token and fingerprint`: the judgement of opened claims at a time and of who presents them.
//! Pure; what was revoked is asked elsewhere.

use chrono::{DateTime, Utc};
use shared_types::{
    Fingerprint, Thumbprint,
    fingerprint::{BoundFingerprint, Mode, Verdict, judge},
    scoped_auth::validate::{Reason, RefusalMessage},
};

use crate::{claims::Claims, sessions::Rules};

/// Who presents a token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder<'a> {
    /// The browser, where the account's feature is on.
    pub fingerprint: Option<&'a Fingerprint>,
    /// The key that it proved to hold.
    pub jkt: Option<Thumbprint>,
}

/// A token that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is good to be refreshed only: it has expired.
    pub resumed: bool,
    /// What was found of its holder.
    pub holder: HolderVerdict,
}

/// Why a token is not good, for this holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Token, fingerprint or proof.
    pub message: RefusalMessage,
    /// What is wrong with the token.
    pub reason: Option<Reason>,
    /// What was found of the browser, if it is what is wrong.
    pub browser: Option<Verdict>,
}

impl Refusal {
    /// The token itself is not good.
    pub const fn token(reason: Reason) -> Self {
        Self { message: RefusalMessage::TokenValidationFailed, reason: Some(reason), browser: None }
    }
}

/// Judges the claims at a time.
///
/// # Errors
///
/// As [`Claims::judge`] has them. For a `refresh` a token that has expired is good so far: its holder may resume the
/// session, which is decided once the holder is known.
pub fn judge_time(
    claims: &Claims,
    now: DateTime<Utc>,
    rules: &Rules,
    refresh: bool,
) -> Result<Time, Refusal> {
    match claims.judge(now, rules.session_max) {
        Ok(()) => Ok(Time::Valid),
        Err(reason @ (Reason::ExpiredToken | Reason::SessionExpired)) if refresh => Ok(Time::Over(reason)),
        Err(reason) => Err(Refusal::token(reason)),
    }
}

/// Whether a token that is to be refreshed has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// It has not.
    Valid,
    /// It has, or its session has ended.
    Over(Reason),
}

/// What was found of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderVerdict {
    /// What was found of the browser, where the token is bound to one and one is presented.
    pub browser: Option<Verdict>,
    /// Whether the holder has proved to be the same, by the fingerprint or the key that the token is bound to.
    pub proved: bool,
}

impl HolderVerdict {
    /// Whether the browser is refused, and served nevertheless.
    pub fn is_served_in_shadow(&self) -> bool {
        self.browser.is_some_and(|verdict| !verdict.accepted)
    }
}

/// Judges who presents the token: the browser against the fingerprint that it is bound to, the key against its
/// confirmation. A session that is bound to a key needs a proof by it each time (RFC 9449, section 7.1).
pub fn judge_holder(claims: &Claims, holder: Holder<'_>) -> Result<HolderVerdict, Refusal> {
    let key_is_proved = match (claims.cnf, holder.jkt) {
        (None, _) => false,
        (Some(bound), Some(proved)) if bound.jkt == proved => true,
        (Some(_), _) => {
            return Err(Refusal {
                message: RefusalMessage::ProofValidationFailed,
                reason: None,
                browser: None,
            });
        }
    };
    let (Some(sealed), Some(presented)) = (&claims.fingerprint, holder.fingerprint) else {
        return Ok(HolderVerdict { browser: None, proved: key_is_proved });
    };
    let verdict = judge(BoundFingerprint { sealed, first: claims.first_fingerprint.as_ref() }, presented);
    match (verdict.accepted, verdict.mode) {
        (true, _) => Ok(HolderVerdict { browser: Some(verdict), proved: true }),
        (false, Mode::Shadow) => Ok(HolderVerdict { browser: Some(verdict), proved: key_is_proved }),
        (false, Mode::Enforce) => Err(Refusal {
            message: RefusalMessage::FingerprintValidationFailed,
            reason: None,
            browser: Some(verdict),
        }),
    }
}

/// The browsers that a token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The browser as it is now, so that slow drift is followed.
    pub fingerprint: Option<Fingerprint>,
    /// The browser that the session began with, where that is another.
    pub first_fingerprint: Option<Fingerprint>,
}

/// What a token's successor is bound to. A browser that was not accepted, or not shown, leaves the binding as it is.
pub fn binding_of_successor(claims: &Claims, holder: Holder<'_>, verdict: &HolderVerdict) -> Binding {
    let (sealed, first) = (&claims.fingerprint, &claims.first_fingerprint);
    let now = match holder.fingerprint {
        Some(presented) if !verdict.is_served_in_shadow() => presented.preferred(),
        Some(_) | None => {
            return Binding { fingerprint: sealed.clone(), first_fingerprint: first.clone() };
        }
    };
    // A beginning that could not be compared is given up for the oldest that could.
    let comparable = verdict.browser.is_some_and(|verdict| verdict.since_the_beginning.is_some());
    let first = first.as_ref().filter(|_| comparable).or(sealed.as_ref());
    let first = first.filter(|first| **first != now).cloned();
    Binding { fingerprint: Some(now), first_fingerprint: first }
}
