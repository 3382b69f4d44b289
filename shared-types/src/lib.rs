//! The vocabulary of the session tokens of web chat: what the participants of the sequence diagrams say to each
//! other. Every message has its path, request and response side by side in a module named after its callee; the
//! server, the client and the tests all use that one module. Nothing here does I/O.

pub mod code;
pub mod endpoint;
pub mod federated_auth;
pub mod fingerprint;
pub mod grant;
mod hex;
pub mod ids;
pub mod json;
pub mod orchestrator;
pub mod scoped_auth;
pub mod sealed_token;
pub mod thumbprint;
mod timestamp;
mod token_answer;
pub mod verdict;

pub use code::{Code, ErrorBody};
pub use endpoint::{Endpoint, Method};
pub use fingerprint::Fingerprint;
pub use grant::{Grant, Grants};
pub use ids::{
    AccountSid, AddressSid, ConversationSid, ConversationsServiceSid, DeploymentKey, Identity, MessageSid,
    SessionId,
};
pub use sealed_token::SealedToken;
pub use thumbprint::Thumbprint;
pub use token_answer::TokenAnswer;
pub use verdict::{No, Yes};
