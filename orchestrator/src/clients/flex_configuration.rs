//! `FWO ->> FC`

use std::sync::Arc;

use service_runtime::{Metrics, RequestContext, ServiceClient, UpstreamError, client::PeerConfig};
use shared_types::{
    AccountSid,
    orchestrator::NoParameters,
    orchestrator::{
        PublicConfiguration,
        public_configuration::{Request, Response},
    },
};

/// A Flex Configuration service as its caller sees it.
pub struct FlexConfiguration(ServiceClient);

impl FlexConfiguration {
    /// The Flex Configuration service at the address of `config`.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        Self(ServiceClient::new(config, metrics))
    }

    /// `GET /V1/Configuration/Public?AccountSid=AC…`
    pub async fn public_configuration(
        &self,
        call: &RequestContext<'_>,
        account_sid: AccountSid,
    ) -> Result<Response, UpstreamError> {
        self.0.call::<PublicConfiguration>(call, &NoParameters {}, &Request { account_sid }).await
    }
}
