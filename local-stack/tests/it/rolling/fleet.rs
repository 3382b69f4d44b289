//! Two replicas of each service, configured by settings like a deployment, each behind a balancer; Starship, a real
//! nginx, in front.

use std::path::Path;

use local_stack::{
    demo,
    starship::{Starship, StarshipConfig},
};
use scoped_auth::config::MissingKeys;
use service_runtime::{Environment, Listeners, Running, command::Program};
use tempfile::TempDir;

use crate::rolling::{
    authority::{Authority, Flaw, put},
    balancer::Balancer,
};

/// A service whose replicas are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    ScopedAuth,
    FederatedAuth,
    Orchestrator,
}

/// Callees first.
pub(crate) const SERVICES: [Service; 3] =
    [Service::ScopedAuth, Service::FederatedAuth, Service::Orchestrator];

/// The replicas of all services.
pub(crate) struct Fleet {
    pub(crate) starship: Starship,
    balancers: [Balancer; 3],
    replicas: [Vec<Running>; 3],
    mutual_tls: bool,
    data: TempDir,
}

impl Fleet {
    pub(crate) async fn start(mutual_tls: bool) -> Self {
        let data = tempfile::tempdir().unwrap();
        put(data.path(), "accounts.toml", &demo::accounts_without_limits());
        let authority = Authority::new("the services' authority");
        put(data.path(), "ca.pem", authority.pem());
        for participant in ["orchestrator", "federated-auth", "scoped-auth"] {
            authority.issues(participant, data.path(), Flaw::None);
        }
        let balancers = [Balancer::new().await, Balancer::new().await, Balancer::new().await];
        let plan = StarshipConfig::on_a_free_port(
            &data.path().join("starship"),
            balancers[Service::Orchestrator as usize].address,
        );
        let starship = Starship::start(plan).await.unwrap();
        let mut fleet = Self { starship, balancers, replicas: Default::default(), mutual_tls, data };
        for service in SERVICES {
            for _ in 0..2 {
                fleet.add(service).await;
            }
        }
        fleet
    }

    /// Starts and adds a replica.
    pub(crate) async fn add(&mut self, service: Service) {
        let replica = self.replica(service).await;
        self.balancers[service as usize].add(&replica).await;
        self.replicas[service as usize].push(replica);
    }

    /// Stops the oldest replica as SIGTERM does.
    pub(crate) async fn end(&mut self, service: Service) {
        let replica = self.replicas[service as usize].remove(0);
        let admin = replica.admin_address;
        replica.stop().await;
        self.balancers[service as usize].forget(admin);
    }

    /// Stops all replicas.
    pub(crate) async fn stop(mut self) {
        self.starship.stop().await.unwrap();
        for service in [Service::Orchestrator, Service::FederatedAuth, Service::ScopedAuth] {
            for replica in self.replicas[service as usize].drain(..) {
                replica.stop().await;
            }
        }
    }

    async fn replica(&self, service: Service) -> Running {
        let listeners = Listeners::loopback().unwrap();
        let file = |name: &str| self.data.path().join(name).display().to_string();
        let callee = |service: Service| {
            let scheme = if self.mutual_tls { "https" } else { "http" };
            format!("{scheme}://{}", self.balancers[service as usize].address)
        };
        let mut given = vec![("DRAIN_SECONDS", "1".to_owned()), ("WORKERS", "1".to_owned())];
        match service {
            Service::ScopedAuth => {
                given.extend([
                    ("FEDERATED_AUTH_SECRET", "between-fas-and-sas".to_owned()),
                    ("KEYS_FILE", file("keys.json")),
                    ("DATABASE_URL", format!("sqlite://{}", file("sessions.db"))),
                ]);
                self.tls(&mut given, &["TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA"], "scoped-auth");
                let environment = environment(scoped_auth::PROGRAM, given);
                let config = scoped_auth::Config::from_environment(&environment).unwrap();
                let config = scoped_auth::Config { missing_keys: MissingKeys::Create, ..config };
                scoped_auth::start(config, listeners).await.unwrap()
            }
            Service::FederatedAuth => {
                given.extend([
                    ("ORCHESTRATOR_SECRET", "between-fwo-and-fas".to_owned()),
                    ("SCOPED_AUTH_SECRET", "between-fas-and-sas".to_owned()),
                    ("SCOPED_AUTH_URL", callee(Service::ScopedAuth)),
                ]);
                self.tls(&mut given, &["TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA"], "federated-auth");
                let names = ["SCOPED_AUTH_CERTIFICATE", "SCOPED_AUTH_KEY", "SCOPED_AUTH_CA"];
                self.tls(&mut given, &names, "federated-auth");
                let environment = environment(federated_auth::PROGRAM, given);
                federated_auth::start(
                    federated_auth::Config::from_environment(&environment).unwrap(),
                    listeners,
                )
                .unwrap()
            }
            Service::Orchestrator => {
                given.extend([
                    ("ACCOUNTS_FILE", file("accounts.toml")),
                    (
                        "FINGERPRINT_KEY",
                        "3b0c1f6f2d5e4a798897a6b5c4d3e2f100112233445566778899aabbccddeeff".to_owned(),
                    ),
                    ("DATABASE_URL", format!("sqlite://{}", file("conversations.db"))),
                    ("FEDERATED_AUTH_SECRET", "between-fwo-and-fas".to_owned()),
                    ("FEDERATED_AUTH_URL", callee(Service::FederatedAuth)),
                ]);
                let names = ["FEDERATED_AUTH_CERTIFICATE", "FEDERATED_AUTH_KEY", "FEDERATED_AUTH_CA"];
                self.tls(&mut given, &names, "orchestrator");
                let environment = environment(orchestrator::PROGRAM, given);
                orchestrator::start(orchestrator::Config::from_environment(&environment).unwrap(), listeners)
                    .await
                    .unwrap()
            }
        }
    }

    fn tls(&self, given: &mut Vec<(&'static str, String)>, names: &[&'static str; 3], participant: &str) {
        let path = |name: String| Path::join(self.data.path(), name).display().to_string();
        let files =
            [format!("{participant}.pem"), format!("{participant}.key"), "ca.pem".to_owned()].map(path);
        if self.mutual_tls {
            given.extend(names.iter().copied().zip(files));
        }
    }
}

fn environment(program: Program, given: Vec<(&str, String)>) -> Environment {
    let variables = given.into_iter().map(|(name, value)| (format!("{}{name}", program.prefix), value));
    let environment = program.environment(variables).unwrap();
    assert_eq!(environment.unknown(), [""; 0]);
    environment
}
