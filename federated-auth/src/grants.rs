//! `FAS ->> FAS`: the grants of a guest's token.

use shared_types::{
    Grant, Grants,
    federated_auth::create_token::Request,
    grant::{Chat, Webchat},
};

/// Grants of a guest: open a conversation at the deployment's address, and write in the account's conversations service.
pub fn for_guest(request: &Request) -> Grants {
    vec![
        Grant::Webchat(Webchat {
            address_sid: request.address_sid,
            deployment_key: Some(request.deployment_key),
        }),
        Grant::Chat(Chat { service_sid: request.conversations_service_sid }),
    ]
}
