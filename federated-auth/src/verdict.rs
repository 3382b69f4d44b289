//! Checks ScopedAuthService's verdict against the account of the request.

use shared_types::{
    AccountSid, Code,
    scoped_auth::validate::{Authorized, Response},
};

use crate::error::Error;

/// The authorized token, or the error for the caller. A token of another account is always `invalid_token`, whatever its
/// state: one account learns nothing about the tokens of another.
pub fn check(verdict: Response, account_sid: AccountSid) -> Result<Authorized, Error> {
    match verdict {
        Response::Authorized(authorized) if authorized.auth_account.account_sid == account_sid => {
            Ok(authorized)
        }
        Response::Authorized(_) => Err(Error::TokenRejected(Code::InvalidToken)),
        Response::Refused(refused) => match refused.auth_account {
            Some(account) if account.account_sid != account_sid => {
                Err(Error::TokenRejected(Code::InvalidToken))
            }
            Some(_) | None => Err(Error::TokenRejected(refused.code())),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error_code(verdict: serde_json::Value) -> Code {
        let account_sid = AccountSid::from_bits(1);
        match check(serde_json::from_value(verdict).unwrap(), account_sid) {
            Err(Error::TokenRejected(code)) => code,
            other => panic!("{other:?}"),
        }
    }

    fn account(bits: u128) -> serde_json::Value {
        let sid = AccountSid::from_bits(bits);
        json!({"account_id": sid.account_id(), "account_sid": sid})
    }

    #[test]
    fn a_rejection_has_the_code_of_its_reason() {
        let refused = |message: &str, reason: Option<&str>| {
            error_code(
                json!({"authorized": false, "message": message, "reason": reason, "auth_account": account(1)}),
            )
        };
        assert_eq!(refused("fingerprint_validation_failed", None), Code::FingerprintInvalid);
        assert_eq!(refused("token_validation_failed", Some("expired_token")), Code::ExpiredToken);
        assert_eq!(refused("token_validation_failed", Some("revoked_token")), Code::RevokedToken);
        assert_eq!(refused("token_validation_failed", Some("session_expired")), Code::SessionExpired);
        assert_eq!(refused("token_validation_failed", None), Code::InvalidToken);
    }

    #[test]
    fn a_token_of_another_account_is_only_invalid() {
        let expired = json!({"authorized": false, "message": "token_validation_failed", "reason": "expired_token",
            "auth_account": account(2)});
        assert_eq!(error_code(expired), Code::InvalidToken);
        let good = json!({"authorized": true, "auth_account": account(2), "grants": [],
            "identity": "00000000-0000-4000-8000-000000000000", "expiration": "2030-01-01T00:00:00Z", "bound": false,
            "session_hash": "00", "session_id": "00000000-0000-4000-8000-000000000000", "auth_time": "2030-01-01T00:00:00Z"});
        assert_eq!(error_code(good), Code::InvalidToken);
    }
}
