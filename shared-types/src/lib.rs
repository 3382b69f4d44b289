//! The wire types of the session tokens of web chat: the requests and responses between the participants of the sequence
//! diagrams. Each endpoint has its own module, in the module of its service, with its path, request and response. Server,
//! client and tests all use that module. No I/O.

pub mod assertion;
pub mod code;
pub mod desk;
pub mod endpoint;
pub mod federated_auth;
pub mod fingerprint;
pub mod grant;
pub mod ids;
pub mod json;
pub mod orchestrator;
pub mod scoped_auth;
pub mod sealed_token;
mod text;
pub mod thumbprint;
mod timestamp;
mod token_answer;
pub mod verdict;

pub use assertion::{Assertion, AssertionAnswer, AssertionAudience};
pub use code::{Code, ErrorBody};
pub use endpoint::{Endpoint, Method};
pub use fingerprint::Fingerprint;
pub use grant::{Grant, Grants};
pub use ids::{
    AccountSid, AddressSid, ApiKeySid, ConversationSid, ConversationsServiceSid, DeploymentKey, Identity,
    MessageSid, ParticipantSid, SessionId,
};
pub use sealed_token::SealedToken;
pub use thumbprint::Thumbprint;
pub use token_answer::TokenAnswer;
pub use verdict::{No, Yes};
