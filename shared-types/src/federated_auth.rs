//! Endpoints of FederatedAuthService. Its only caller is FlexWebchatOrchestratorService. The same paths with `/v2` are
//! aliases.

pub mod create_token;
pub mod publish_keys;
pub mod refresh_token;
pub mod revoke_token;
pub mod validate_token;

pub use create_token::CreateToken;
pub use publish_keys::PublishKeys;
pub use refresh_token::RefreshToken;
pub use revoke_token::RevokeToken;
pub use validate_token::ValidateToken;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::{PathParameters, fill},
    ids::AccountSid,
};

/// Path parameter of all routes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AccountPath {
    /// The account of the token.
    pub account_sid: AccountSid,
}

impl PathParameters for AccountPath {
    fn fill(&self, template: &'static str) -> Cow<'static, str> {
        fill(template, &[&self.account_sid])
    }
}
