//! Admission of a public request (contract, section 5): the one order of checks for every route that belongs to a
//! deployment. What differs between routes is data: [`Credentials`] and [`Route`].
//!
//! [`admit`] runs, in this order: response budget checked → account → the visitor's limits charged, the deployment's
//! checked → Flex Configuration, if set → ACAO → enabled → fingerprint → proof of possession → the deployment's limit
//! charged. Without Flex Configuration, ACAO comes before the limits. So a request over a limit causes no fetch and no
//! computation, and a rejected request leaves the deployment's limit to others. [`Admitted::reserve`] follows once the
//! handler has validated the body: response budget reserved → bytes to store charged.

pub mod access_policy;
pub mod answer_budget;
pub mod authorize;
pub mod client_address;
pub mod cors;
pub mod desk;
pub(crate) mod networks;
mod page_origin;
pub mod rate_limit;
pub mod waiting;

use std::{borrow::Cow, net::IpAddr};

use service_runtime::RequestContext;
use shared_types::{AccountSid, DeploymentKey, Fingerprint, SealedToken, Thumbprint};

use self::{
    access_policy::set_allow_origin,
    client_address::Hops,
    rate_limit::{
        Charge,
        enforce::{
            charge_bytes, charge_create, charge_message, enforce_account_rate_limit, enforce_rate_limit,
        },
    },
};
use crate::{
    accounts::{DeploymentConfig, ProofKey},
    authorize::GuestRequest,
    dpop::{Nonce, Target},
    error::Error,
    session::{
        fingerprint,
        identity::{self, IdentityRequest},
    },
    state::State,
};

/// Where a request names its deployment and presents its token.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// In the body.
    Body {
        /// `deploymentKey`
        deployment_key: DeploymentKey,
        /// `token`, at routes that have one; a proof of possession must name it.
        token: Option<&'a SealedToken>,
    },
    /// In `Authorization: Bearer` or `Authorization: DPoP`. The token claims its deployment; the claim is verified when
    /// the token is opened.
    Header,
}

/// What differs between the routes.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// The visitor's limit that the request is charged to.
    pub charge: Charge,
    /// Minimum number of bytes that the guest wants stored; 0 if the route stores nothing.
    pub guest_bytes: u32,
    /// Maximum size of the response, charged to the response budget; 0 if the route's responses are not charged.
    pub answer_bytes: usize,
    /// Whether the route serves a deployment that is switched off.
    pub serves_disabled: bool,
    /// The requested identity of an earlier session.
    pub identity: IdentityRequest,
    /// Whether a proof of possession needs a nonce. With a requested identity it always does.
    pub nonce: Nonce,
    /// The guest's request to another service, if its proxy asks about it. Proof and page are judged against it, and it may
    /// lack the widget's headers.
    pub guest_request: Option<GuestRequest<'a>>,
}

impl Route<'_> {
    /// A route that is charged as `charge` and has none of the rest.
    pub const fn new(charge: Charge) -> Self {
        Self {
            charge,
            guest_bytes: 0,
            answer_bytes: 0,
            serves_disabled: false,
            identity: IdentityRequest::None,
            nonce: Nonce::Optional,
            guest_request: None,
        }
    }
}

/// An admitted request.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The configuration of its deployment, unchanged until the request ends.
    pub config: DeploymentConfig,
    /// The token of [`Credentials::Header`].
    pub token: Option<SealedToken>,
    /// The fingerprint of browser and page; `None` with the feature off.
    pub fingerprint: Option<Fingerprint>,
    /// The key of its proof of possession, if it has one.
    pub jkt: Option<Thumbprint>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Whether a request for an identity is considered; if so, its proof had a current nonce.
    pub identity_is_considered: bool,
    answer_bytes: usize,
    /// It is over a limit of a deployment that only logs them.
    is_over: bool,
}

/// Admits a request, or returns the error of the first check that fails.
pub async fn admit(
    state: &State,
    context: &mut RequestContext<'_>,
    credentials: Credentials<'_>,
    route: Route<'_>,
) -> Result<Admitted, Error> {
    let Hops { client, trusted_hops } = state.trusted_proxies.hops(context);
    let Route { charge, guest_bytes, answer_bytes, .. } = route;
    if answer_bytes > 0 {
        answer_budget::check(&state.answer_budget, context, client, answer_bytes)?;
    }

    let bearer = match credentials {
        Credentials::Body { .. } => None,
        Credentials::Header => Some(bearer_token(context).ok_or(Error::NoToken)?),
    };
    let (deployment_key, token, unknown_key) = match (credentials, &bearer) {
        (Credentials::Body { deployment_key, token }, _) => {
            (deployment_key, token, Error::DeploymentKeyNotFound)
        }
        // Here the key is a part of the token, so an unknown key is a fault of the token.
        (Credentials::Header, token) => {
            let claimed = token.as_ref().and_then(SealedToken::claimed_deployment);
            (claimed.ok_or(Error::InvalidToken)?, token.as_ref(), Error::InvalidToken)
        }
    };
    context.step("Fetches accountSid with Deployment Key");
    let mut config = deployment_config(state, context, &deployment_key).ok_or(unknown_key)?;
    context.account = Some(config.account.sid);

    let path = context.path;
    let (method, target) = match &route.guest_request {
        Some(guest_request) => (guest_request.method, guest_request.target()),
        None => {
            let target = Target::of_request(context, path, &state.dpop.public_urls, trusted_hops);
            (context.method, target)
        }
    };
    let mut origin = None;
    if state.flex_configuration.is_none() {
        origin = set_acao(context, &config, &target)?;
    }
    let (limiter, deployment) = (&state.rate_limiter, &config.deployment);
    let is_over = enforce_rate_limit(limiter, context, deployment, client, charge, guest_bytes)?;
    if let Some(peer) = &state.flex_configuration {
        let (account, key) = (config.account.sid, config.deployment.key);
        let fetched = state.flex_configuration_cache.allowed_origins(peer, context, account, key).await?;
        config.deployment.allowed_origins = fetched;
        origin = set_acao(context, &config, &target)?;
    }
    if !config.deployment.enabled && !route.serves_disabled {
        return Err(Error::DeploymentKeyDisabled);
    }
    let mut fingerprint =
        fingerprint::generate(&state.fingerprints, context, origin.as_deref(), &config, client)?;
    if route.guest_request.is_some() {
        fingerprint = fingerprint.map(|fingerprint| fingerprint.with_optional_widget());
    }
    if charge == Charge::Create {
        fingerprint::require_enough_signals(fingerprint.as_ref(), &config)?;
    }

    // A proof without a token has no `ath`, so it could be made in advance. It must not be worth an identity.
    let identity_is_considered =
        identity::is_considered(&state.identity_refusals, client, context, route.identity);
    let nonce = if identity_is_considered { Nonce::Required } else { route.nonce };
    let request = (method, target);
    let jkt = state.dpop.verify_dpop(context, request, token.map(SealedToken::as_str), nonce)?;
    if charge == Charge::Create {
        state.counters.session_requested(jkt.is_some());
        if jkt.is_none() && config.deployment.proof_key == ProofKey::Required {
            return Err(Error::ProofKeyRequired);
        }
        if !is_over {
            charge_create(limiter, context, &config.deployment, client)?;
        }
    }
    Ok(Admitted {
        config,
        token: bearer,
        fingerprint,
        jkt,
        client,
        identity_is_considered,
        answer_bytes,
        is_over,
    })
}

/// Admits a waiting request again, as if it arrived now: with the current configuration, origin and fingerprint. Its limits
/// were charged and its proof was verified when it arrived.
pub async fn readmit(
    state: &State,
    context: &mut RequestContext<'_>,
    admitted: &mut Admitted,
) -> Result<(), Error> {
    let (account, key) = (admitted.config.account.sid, admitted.config.deployment.key);
    let current = deployment_config(state, context, &key);
    let mut config = current.filter(|config| config.account.sid == account).ok_or(Error::InvalidToken)?;
    if let Some(peer) = &state.flex_configuration {
        let fetched = state.flex_configuration_cache.allowed_origins(peer, context, account, key).await?;
        config.deployment.allowed_origins = fetched;
    }
    let Hops { trusted_hops, .. } = state.trusted_proxies.hops(context);
    let path = context.path;
    let target = Target::of_request(context, path, &state.dpop.public_urls, trusted_hops);
    let origin = set_acao(context, &config, &target)?;
    if !config.deployment.enabled {
        return Err(Error::DeploymentKeyDisabled);
    }
    admitted.fingerprint =
        fingerprint::generate(&state.fingerprints, context, origin.as_deref(), &config, admitted.client)?;
    admitted.config = config;
    Ok(())
}

/// Admits a request that names an account and no deployment: charges the visitor's limit at this account.
pub fn admit_account(
    state: &State,
    context: &mut RequestContext<'_>,
    account_sid: AccountSid,
) -> Result<(), Error> {
    state.accounts.current().account(&account_sid).ok_or(Error::NotFound)?;
    context.account = Some(account_sid);
    let client = state.trusted_proxies.client_address(context);
    Ok(enforce_account_rate_limit(&state.rate_limiter, context, account_sid, client)?)
}

impl Admitted {
    /// Reserves the response budget, then charges `guest_bytes`, the number of bytes that are about to be stored; 0 if
    /// nothing is. To be called after the last validation and before the first write.
    pub fn reserve(
        &self,
        state: &State,
        context: &mut RequestContext<'_>,
        guest_bytes: u32,
    ) -> Result<(), Error> {
        if self.answer_bytes > 0 {
            answer_budget::reserve(&state.answer_budget, context, self.client, self.answer_bytes)?;
        }
        self.charge_bytes(state, context, guest_bytes)
    }

    /// Charges `guest_bytes`, the number of bytes that are about to be stored; 0 if nothing is.
    pub fn charge_bytes(
        &self,
        state: &State,
        context: &mut RequestContext<'_>,
        guest_bytes: u32,
    ) -> Result<(), Error> {
        if guest_bytes > 0 && !self.is_over {
            let deployment = &self.config.deployment;
            charge_bytes(&state.rate_limiter, context, deployment, self.client, guest_bytes)?;
        }
        Ok(())
    }

    /// Charges a message to the visitor, for a request that was admitted as [`Charge::Call`].
    pub fn charge_message(&self, state: &State, context: &mut RequestContext<'_>) -> Result<(), Error> {
        if !self.is_over {
            charge_message(&state.rate_limiter, context, &self.config.deployment, self.client)?;
        }
        Ok(())
    }
}

/// `FWO ->> FWO: Fetches Account Configurations`: those of the deployment and of its account, from the current snapshot of
/// `accounts.toml`.
fn deployment_config(
    state: &State,
    context: &RequestContext<'_>,
    key: &DeploymentKey,
) -> Option<DeploymentConfig> {
    let found = state.accounts.current().by_deployment_key(key)?;
    context.step("Fetches Account Configurations");
    Some(found)
}

fn bearer_token(context: &RequestContext<'_>) -> Option<SealedToken> {
    let bearer = context.bearer().or_else(|| context.credential(b"dpop"))?;
    SealedToken::new(str::from_utf8(bearer).ok()?.to_owned())
}

/// `FWO ->> FWO: Sets ACAO response header`, and rejects the page if the rule requires it. Returns the page's origin.
fn set_acao<'a>(
    context: &mut RequestContext<'a>,
    config: &DeploymentConfig,
    target: &Target<'_>,
) -> Result<Option<Cow<'a, [u8]>>, Error> {
    let feature_is_on = config.account.webchat_security_is_on();
    let allowed = &config.deployment.allowed_origins;
    let origin = page_origin::of_request(context, allowed, target);
    let decision = cors::decide(allowed, origin.as_deref(), feature_is_on);
    set_allow_origin(context, decision.allow_origin);
    context.step("Sets ACAO response header");
    if decision.refused { Err(Error::OriginNotAllowed) } else { Ok(origin) }
}
