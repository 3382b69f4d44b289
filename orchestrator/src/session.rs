//! The guest's session: how it begins ([`begin`]), how a later request proves to belong to it ([`authenticate`]), and
//! what both use: fingerprint, identity, and the conversation's setup. [`assertion`] identifies the guest to other services.

pub mod assertion;
pub mod authenticate;
pub mod begin;
pub mod conversation_setup;
pub mod fingerprint;
pub mod identity;
pub mod identity_refusals;
pub mod missing_conversation;
