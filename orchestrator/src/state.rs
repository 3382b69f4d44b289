//! State of one worker's handlers.

use std::sync::Arc;

use conversations::Conversations;
use service_runtime::{Clock, random::Random};
use shared_types::{AccountSid, fingerprint::Maker};

use crate::{
    accounts::{AccountsFile, FlexConfigurationCache},
    admission::{
        answer_budget::AnswerBudget, client_address::TrustedProxies, rate_limit::RateLimiter,
        waiting::WaitingPlaces,
    },
    clients::{FederatedAuthClient, FlexConfigurationClient},
    counters::Counters,
    dpop::DpopVerifier,
    published_keys::PublishedKeys,
    session::identity_refusals::IdentityRefusals,
};

/// State of one worker's handlers. What is in an `Arc` is shared by all workers, except `fingerprints`.
pub struct State {
    /// `FWO ->> FAS`
    pub federated_auth: FederatedAuthClient,
    /// `FWO ->> FC`, if configured.
    pub flex_configuration: Option<FlexConfigurationClient>,
    /// The latest responses of the Flex Configuration service.
    pub flex_configuration_cache: Arc<FlexConfigurationCache>,
    /// accounts.toml.
    pub accounts: Arc<AccountsFile>,
    /// The latest public keys of ScopedAuthService.
    pub published_keys: Arc<PublishedKeys>,
    /// The store of conversations.
    pub conversations: Conversations,
    /// Generates fingerprints; one per worker.
    pub fingerprints: Arc<Maker>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Verifies proofs of possession.
    pub dpop: DpopVerifier,
    /// Refused requests for identities.
    pub identity_refusals: Arc<IdentityRefusals>,
    /// Counters.
    pub counters: Counters,
    /// Rate limits of visitors and deployments.
    pub rate_limiter: Arc<RateLimiter>,
    /// Memory budget for responses in flight.
    pub answer_budget: Arc<AnswerBudget>,
    /// Places of waiting requests.
    pub waiting: Arc<WaitingPlaces>,
    /// The message of the service at the beginning of every conversation.
    pub welcome_message: Arc<str>,
    /// URL under which desks reach this service, without a slash at its end; the request's own if `None`.
    pub desk_url: Option<Arc<str>>,
    /// The clock.
    pub clock: Clock,
    /// Randomness for sids.
    pub random: Random,
}

impl State {
    /// The store of conversations. Changes that are made through it are reported to the account's webhooks.
    pub fn reporting(&self, account: AccountSid) -> Conversations {
        let accounts = self.accounts.current();
        let subscriptions = accounts.account(&account).map(|account| account.subscriptions.clone());
        self.conversations.reporting_to(subscriptions.unwrap_or_default())
    }
}
