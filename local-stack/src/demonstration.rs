//! What `cargo run` shows: a stack, Starship in front of it where there is an nginx, and the customer's site.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use service_runtime::{Clock, Running, command::StartError};

use crate::{
    Ports, ScopedAuthSwitch, Site, SiteConfig, Stack, StackConfig, Starship, StarshipConfig, TraceEvents,
    demo, site,
};

/// Whether Starship is to stand in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Yes, if there is an nginx.
    StarshipIfInstalled,
    /// No: pages call FWO itself.
    Open,
}

/// A demonstration that runs.
pub struct Demonstration {
    /// FlexWebchatOrchestratorService.
    pub orchestrator: Running,
    /// FederatedAuthService.
    pub federated_auth: Running,
    /// ScopedAuthService, which the page may stop and start.
    pub scoped_auth: ScopedAuthSwitch,
    /// Where ScopedAuthService listens, if FAS does not call it in this process.
    pub scoped_auth_address: Option<SocketAddr>,
    /// Its admin listener.
    pub scoped_auth_admin_address: SocketAddr,
    /// Starship, where there is one.
    pub starship: Option<Starship>,
    /// The customer's site.
    pub site: Site,
}

impl Demonstration {
    /// Starts all of it; `arrows` is what `tracing` was given. The clock of `config` is one that can be moved.
    pub async fn start(mut config: StackConfig, edge: Edge, arrows: TraceEvents) -> Result<Self, StartError> {
        let listen = |port| match config.ports {
            Ports::Designed => SocketAddr::from(([127, 0, 0, 1], port)),
            Ports::Free => SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let (starship_address, site_address) = (listen(8000), listen(8090));
        let listener = TcpListener::bind(site_address)
            .map_err(|error| io::Error::new(error.kind(), format!("{site_address}: {error}")))?;
        let page = site::origin(listener.local_addr()?);
        std::fs::create_dir_all(&config.data)?;
        if !demo::write_accounts(&config.accounts_file(), &page)? {
            tracing::warn!(
                file = %config.accounts_file().display(),
                "the line of the demo page is not there, so the page may be refused; remove the file to have it made anew"
            );
        }
        let edge = edge == Edge::StarshipIfInstalled && Starship::installed();
        if edge {
            // The guests' addresses are then what Starship says.
            config.trusted_proxies = "127.0.0.1".parse()?;
        }
        let clock: Clock = config.clock.clone();
        let stack = Stack::start(&config).await?;
        let Stack { orchestrator, federated_auth, scoped_auth, scoped_auth_config, .. } = stack;
        let starship = if edge {
            let lines = arrows.clone();
            let starship = StarshipConfig {
                listen: starship_address,
                access_log: std::sync::Arc::new(move |line| lines.starship_line(line)),
                ..StarshipConfig::on_a_free_port(&config.data.join("starship"), orchestrator.address())
            };
            Some(
                Starship::start(starship)
                    .await
                    .map_err(|error| format!("Starship, {starship_address}: {error}"))?,
            )
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
            clock,
            scoped_auth: scoped_auth.clone(),
        })?;
        Ok(Self {
            orchestrator,
            federated_auth,
            scoped_auth,
            scoped_auth_address,
            scoped_auth_admin_address,
            starship,
            site,
        })
    }

    /// Stops the callers before their callees, so that no request in flight loses what it needs.
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
