//! `FAS ->> FAS`: which grants a guest's token has.

use shared_types::{
    Grant, Grants,
    federated_auth::create_token::Request,
    grant::{Chat, Webchat},
};

/// A guest may open a conversation at the deployment's address and speak in the account's conversations service.
pub fn for_guest(request: &Request) -> Grants {
    vec![
        Grant::Webchat(Webchat {
            address_sid: request.address_sid,
            deployment_key: Some(request.deployment_key),
        }),
        Grant::Chat(Chat { service_sid: request.conversations_service_sid }),
    ]
}
