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

/// Client of a Flex Configuration service.
pub struct FlexConfigurationClient(ServiceClient);

impl FlexConfigurationClient {
    /// A client with the URL and timeout of `config`.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        Self(ServiceClient::new(config, metrics))
    }

    /// `GET /V1/Configuration/Public?AccountSid=AC…`
    pub async fn public_configuration(
        &self,
        context: &RequestContext<'_>,
        account_sid: AccountSid,
    ) -> Result<Response, UpstreamError> {
        self.0.call::<PublicConfiguration>(context, &NoParameters {}, &Request { account_sid }).await
    }
}
