//! The reference model: the contract's section 2, step 4, and the table of its section 7, in the simplest form.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use scoped_auth::revocations::RevocationTarget;
use shared_types::{
    Fingerprint,
    fingerprint::{BoundFingerprint, judge},
};
use token::claims::Claims;

use crate::session_model::{
    RULES,
    steps::{Key, Place, REPLICAS, SESSIONS},
};

/// The result of a refresh.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Token(Box<Successor>),
    Refused(&'static str),
}

/// The visible properties of a successor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Successor {
    pub(crate) generation: u32,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) first_fingerprint: Option<Fingerprint>,
}

/// A refresh as the services receive it.
pub(crate) struct Refresh<'a> {
    pub(crate) replica: usize,
    pub(crate) session: usize,
    pub(crate) claims: &'a Claims,
    pub(crate) key: Key,
    pub(crate) fingerprint: Option<&'a Fingerprint>,
    pub(crate) place: Place,
    pub(crate) ttl: u32,
    pub(crate) now: DateTime<Utc>,
}

#[derive(Default)]
pub(crate) struct Model {
    /// The current token of each session, and whether it was presented; `None` before the first refresh.
    current: [Option<(Successor, bool)>; SESSIONS],
    /// Tokens that each replica has marked as presented, and those of them not written yet.
    noted: [HashSet<(usize, u32)>; REPLICAS],
    pending: [Vec<(usize, u32)>; REPLICAS],
    /// Each revocation, its time, and the replicas that know it.
    revocations: Vec<(RevocationTarget, DateTime<Utc>, [bool; REPLICAS])>,
}

fn seconds(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap()
}

impl Model {
    pub(crate) fn knows_revoked(&self, replica: usize, claims: &Claims) -> bool {
        self.revocations.iter().any(|(subject, at, known)| {
            let covers = match subject {
                RevocationTarget::Session(session) => *session == claims.sid,
                RevocationTarget::Identity(_, identity) => {
                    *identity == claims.grants.identity && claims.auth_time <= *at
                }
                RevocationTarget::Deployment(_) | RevocationTarget::Account(_) => claims.auth_time <= *at,
            };
            known[replica] && covers
        })
    }

    pub(crate) fn revoke(&mut self, replica: usize, subject: RevocationTarget, now: DateTime<Utc>) {
        let mut known = [false; REPLICAS];
        known[replica] = true;
        self.revocations.push((subject, now, known));
    }

    pub(crate) fn follow(&mut self, replica: usize) {
        self.revocations.iter_mut().for_each(|(_, _, known)| known[replica] = true);
    }

    pub(crate) fn restart(&mut self, replica: usize) {
        self.follow(replica);
        self.noted[replica].clear();
        self.pending[replica].clear();
    }

    pub(crate) fn restore(&mut self, session: usize) {
        self.current[session] = None;
    }

    pub(crate) fn flush(&mut self, replica: usize) {
        for (session, generation) in std::mem::take(&mut self.pending[replica]) {
            if let Some((current, shown)) = &mut self.current[session] {
                *shown |= current.generation == generation;
            }
        }
    }

    /// A request to the conversation: whether the token is valid.
    pub(crate) fn present(
        &mut self,
        replica: usize,
        session: usize,
        claims: &Claims,
        key: Key,
        fingerprint: Option<&Fingerprint>,
        now: DateTime<Utc>,
    ) -> Result<(), &'static str> {
        if self.knows_revoked(replica, claims) {
            return Err("revoked_token");
        }
        if now - claims.auth_time >= seconds(RULES.session_max) {
            return Err("session_expired");
        }
        if now >= claims.exp {
            return Err("expired_token");
        }
        judge_holder(claims, key, fingerprint)?;
        let token = (session, claims.generation);
        if claims.generation > 0 && self.noted[replica].insert(token) {
            self.pending[replica].push(token);
        }
        Ok(())
    }

    pub(crate) fn refresh(&mut self, call: &Refresh<'_>) -> Answer {
        self.try_refresh(call).map_or_else(Answer::Refused, |successor| Answer::Token(Box::new(successor)))
    }

    fn try_refresh(&mut self, call: &Refresh<'_>) -> Result<Successor, &'static str> {
        let Refresh { claims, now, .. } = *call;
        if call.place != Place::Own {
            return Err("invalid_token");
        }
        if self.knows_revoked(call.replica, claims) {
            return Err("revoked_token");
        }
        let is_proved = judge_holder(claims, call.key, call.fingerprint)?;
        if now - claims.auth_time >= seconds(RULES.session_max) {
            return Err("session_expired");
        }
        if now >= claims.exp && !is_proved {
            return Err("expired_token");
        }

        let is_over = |exp: DateTime<Utc>| now - exp >= seconds(RULES.resume_window);
        let current = self.current[call.session].clone();
        let last_exp = current.as_ref().map_or(claims.exp, |(current, _)| current.expires_at);
        if is_over(claims.exp) && is_over(last_exp) {
            return Err("expired_token");
        }
        let has_key = claims.cnf.is_some();
        match current {
            Some((current, _)) if claims.generation < current.generation => {
                if is_over(current.expires_at) {
                    return Err("expired_token");
                }
                let is_previous = claims.generation + 1 == current.generation;
                let within_grace = now - current.made_at <= seconds(RULES.grace);
                if within_grace && (has_key || is_previous) {
                    return Ok(current);
                }
                if has_key {
                    return Ok(self.advance(call, current.generation + 1));
                }
                let is_shown =
                    |model: &Self| model.current[call.session].as_ref().is_some_and(|(_, shown)| *shown);
                if is_previous && !is_shown(self) {
                    // Only a reissue writes the replica's marks, those of other sessions too.
                    self.flush(call.replica);
                    if !is_shown(self) {
                        return Ok(self.advance(call, current.generation));
                    }
                }
                self.revoke(call.replica, RevocationTarget::Session(claims.sid), now);
                Err("revoked_token")
            }
            Some(_) | None => Ok(self.advance(call, claims.generation + 1)),
        }
    }

    fn advance(&mut self, call: &Refresh<'_>, generation: u32) -> Successor {
        let Refresh { claims, now, .. } = *call;
        let (fingerprint, first_fingerprint) = match call.fingerprint {
            None => (claims.fingerprint.clone(), claims.first_fingerprint.clone()),
            Some(shown) => {
                let first = claims.first_fingerprint.as_ref().or(claims.fingerprint.as_ref());
                (Some(shown.clone()), first.filter(|first| *first != shown).cloned())
            }
        };
        let end = claims.auth_time + seconds(RULES.session_max);
        let next = Successor {
            generation,
            made_at: now,
            expires_at: end.min(now + TimeDelta::seconds(call.ttl.into())),
            fingerprint,
            first_fingerprint,
        };
        self.current[call.session] = Some((next.clone(), false));
        next
    }
}

/// Compares key and browser with the token's: the error, or whether one of them proves the same holder.
fn judge_holder(claims: &Claims, key: Key, fingerprint: Option<&Fingerprint>) -> Result<bool, &'static str> {
    let has_key = claims.cnf.is_some();
    if has_key && key != Key::Own {
        return Err("invalid_dpop_proof");
    }
    let (Some(sealed), Some(shown)) = (&claims.fingerprint, fingerprint) else { return Ok(has_key) };
    let bound = BoundFingerprint { sealed, first: claims.first_fingerprint.as_ref(), key_is_proved: has_key };
    if judge(bound, shown).accepted { Ok(true) } else { Err("fingerprint_invalid") }
}
