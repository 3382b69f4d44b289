//! Stops and restarts ScopedAuthService on the same ports, while its callers keep running.

use std::{net::SocketAddr, sync::Arc};

use service_runtime::{Listeners, Running, command::StartError};
use tokio::{runtime::Handle, sync::Mutex};

/// The switch of one ScopedAuthService. Clones share their state.
#[derive(Clone)]
pub struct ScopedAuthSwitch(Arc<Inner>);

struct Inner {
    config: scoped_auth::Config,
    /// `None` if FAS calls it in process: it cannot be restarted then.
    addresses: Option<[SocketAddr; 2]>,
    running: Mutex<Option<Running>>,
    /// The runtime of the service, which outlives the request that starts it.
    runtime: Handle,
}

impl ScopedAuthSwitch {
    /// Takes over a service that was started with `config` on the current runtime.
    pub fn of(scoped_auth: Running, config: scoped_auth::Config) -> Self {
        Self(Arc::new(Inner {
            config,
            addresses: scoped_auth.listens_on().map(|service| [service, scoped_auth.admin_address]),
            running: Mutex::new(Some(scoped_auth)),
            runtime: Handle::current(),
        }))
    }

    /// Whether it runs.
    pub async fn is_on(&self) -> bool {
        self.0.running.lock().await.is_some()
    }

    /// Whether it can be restarted after a stop.
    pub fn can_return(&self) -> bool {
        self.0.addresses.is_some()
    }

    /// Stops it, if it runs; requests in flight complete.
    pub async fn off(&self) {
        if let Some(running) = self.0.running.lock().await.take() {
            running.stop().await;
        }
    }

    /// Starts it with the same keys and sessions, if it does not run.
    pub async fn on(&self) -> Result<(), StartError> {
        let mut running = self.0.running.lock().await;
        if running.is_none() {
            let inner = self.0.clone();
            let started = self.0.runtime.spawn(async move {
                let [service, admin] =
                    inner.addresses.ok_or("ScopedAuthService runs in process and cannot be restarted")?;
                scoped_auth::start(inner.config.clone(), Listeners::bind(service, admin)?).await
            });
            *running = Some(started.await??);
        }
        Ok(())
    }
}
