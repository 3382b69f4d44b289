//! The demonstration of `cargo run`: a stack, Starship in front of it if nginx is installed, and the customer's site.

use std::{io, net::SocketAddr};

use service_runtime::{Running, command::StartError, server::bind};

use crate::{
    ClockOffset, Ports, ScopedAuthSwitch, Site, SiteConfig, Stack, StackConfig, Starship, StarshipConfig,
    TraceEvents, demo, secrets, site,
};

/// Whether Starship runs in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Yes, if nginx is installed.
    StarshipIfInstalled,
    /// No: pages call FWO directly.
    Open,
}

/// A running demonstration.
pub struct Demonstration {
    /// FlexWebchatOrchestratorService.
    pub orchestrator: Running,
    /// FederatedAuthService.
    pub federated_auth: Running,
    /// ScopedAuthService, which the page can stop and start.
    pub scoped_auth: ScopedAuthSwitch,
    /// ScopedAuthService's address; `None` if FAS calls it in process.
    pub scoped_auth_address: Option<SocketAddr>,
    /// Its admin listener.
    pub scoped_auth_admin_address: SocketAddr,
    /// The address of the desk's API.
    pub desk_address: SocketAddr,
    /// The address of Authorize, if the configuration has a secret of proxies.
    pub authorize_address: Option<SocketAddr>,
    /// Starship, if it runs.
    pub starship: Option<Starship>,
    /// The customer's site.
    pub site: Site,
}

impl Demonstration {
    /// Starts all of it. `arrows` is the layer that was given to `tracing`; the clock of `config` must be adjustable.
    pub async fn start(mut config: StackConfig, edge: Edge, arrows: TraceEvents) -> Result<Self, StartError> {
        let listen = |port| match config.ports {
            Ports::Designed => SocketAddr::from(([127, 0, 0, 1], port)),
            Ports::Free => SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let (starship_address, site_address) = (listen(8000), listen(8090));
        let listener = bind(site_address)?;
        let page = site::origin(listener.local_addr()?);
        secrets::create_folder(&config.data)?;
        if !demo::write_page(&config.accounts_file(), &page)? {
            tracing::warn!(
                file = %config.accounts_file().display(),
                "the demo page's line is missing, so its requests may be rejected; delete the file to have it created again"
            );
        }
        let edge = edge == Edge::StarshipIfInstalled && Starship::installed();
        if edge {
            // Guests' addresses then come from Starship's `X-Forwarded-For`.
            config.trusted_proxies = "127.0.0.1".parse()?;
        }
        let clock_offset = ClockOffset::restore(&config.data, &config.clock)?;
        let stack = Stack::start(&config).await?;
        let desk = stack.desk();
        let Stack {
            orchestrator,
            desk_address,
            authorize_address,
            federated_auth,
            scoped_auth,
            scoped_auth_config,
            ..
        } = stack;
        let starship = if edge {
            let lines = arrows.clone();
            let starship = StarshipConfig {
                listen: starship_address,
                access_log: std::sync::Arc::new(move |line| lines.starship_line(line)),
                ..StarshipConfig::on_a_free_port(&config.data.join("starship"), orchestrator.address())
            };
            Some(Starship::start(starship).await.map_err(|error| format!("Starship: {error}"))?)
        } else {
            None
        };
        let called = starship.as_ref().map_or(orchestrator.address(), |starship| starship.address);
        let scoped_auth_address = scoped_auth.listens_on();
        let scoped_auth_admin_address = scoped_auth.admin_address;
        let scoped_auth = ScopedAuthSwitch::of(scoped_auth, scoped_auth_config);
        let site = Site::start(SiteConfig {
            listener,
            endpoint: format!("http://{called}"),
            through_starship: starship.is_some(),
            arrows,
            clock_offset,
            desk,
            scoped_auth: scoped_auth.clone(),
        })?;
        Ok(Self {
            orchestrator,
            desk_address,
            authorize_address,
            federated_auth,
            scoped_auth,
            scoped_auth_address,
            scoped_auth_admin_address,
            starship,
            site,
        })
    }

    /// Stops callers before their callees, so that requests in flight complete.
    pub async fn stop(self) -> io::Result<()> {
        self.site.stop().await;
        let starship = match self.starship {
            Some(starship) => starship.stop().await,
            None => Ok(()),
        };
        self.orchestrator.stop().await;
        self.federated_auth.stop().await;
        self.scoped_auth.off().await;
        starship
    }
}
