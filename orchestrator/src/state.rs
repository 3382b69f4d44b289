//! State shared by the handlers of one worker.

use std::sync::Arc;

use service_runtime::random::Random;
use shared_types::fingerprint::Maker;

use crate::{
    accounts_file::AccountsFile,
    answer_budget::AnswerBudget,
    client_address::TrustedProxies,
    clients::{FederatedAuthClient, FlexConfiguration},
    counters::Counters,
    dpop::{Nonces, PublicUrls, ReplayStore},
    fetched::Fetched,
    identity::IdentityRefusals,
    rate_limit::RateLimits,
};
use conversations::Conversations;

/// What the handlers of one worker work with.
pub struct State {
    /// `FWO ->> FAS`
    pub federated_auth: FederatedAuthClient,
    /// `FWO ->> FC`, where one is set.
    pub flex_configuration: Option<FlexConfiguration>,
    /// The latest answers of the Flex Configuration service.
    pub fetched: Arc<Fetched>,
    /// accounts.toml.
    pub accounts: Arc<AccountsFile>,
    /// The store.
    pub conversations: Conversations,
    /// What makes fingerprints; the worker's own.
    pub fingerprints: Arc<Maker>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Where pages call this service, if it is told.
    pub public_urls: PublicUrls,
    /// The proofs that have been seen.
    pub replays: Arc<ReplayStore>,
    /// The nonces that proofs are made with.
    pub nonces: Arc<Nonces>,
    /// Refused requests for identities.
    pub identity_refusals: Arc<IdentityRefusals>,
    /// Counters.
    pub counters: Counters,
    /// What visitors and deployments have asked lately.
    pub rate_limits: Arc<RateLimits>,
    /// Memory for answers in flight.
    pub answer_budget: Arc<AnswerBudget>,
    /// The first message of every conversation.
    pub welcome_message: Arc<str>,
    /// Randomness, for sids.
    pub random: Random,
}
