//! Create, refresh, validate and message beside what is run today: Express with a process per core, and npm oidc-provider.

use std::env;

use super::*;
use crate::picture;
use crate::requests::{REFRESHED, SESSIONS, oidc};

/// Each path, with the factor by which Express's requests a second are to be exceeded.
const PATHS: [(Path, Option<f64>); 4] =
    [(Path::Create, Some(8.0)), (Path::Refresh, Some(6.0)), (Path::Validate, None), (Path::Message, None)];

/// Limits of messages that are never reached; a budget of bytes is only logged.
const MESSAGES: &str = ", visitor_messages_per_minute = 4000000000, visitor_messages_burst = 4000000000, \
    mode = \"log\" }\nguest_bytes_per_hour = 4000000000\n";

/// Measures, and draws the picture.
pub(crate) fn measure(bench: &Bench<'_>) -> Outcome<Report> {
    let mut plan = bench.plan("services")?;
    plan.accounts = plan.accounts.replace(" }\n", MESSAGES);
    let stack = plan.start()?;
    let [(express, express_at), (provider, provider_at)] =
        [node("express", &bench.path("express"))?, node("oidc-provider", &bench.path("oidc-provider"))?];
    let (mut goals, mut rows, mut bars) = (Vec::new(), Vec::new(), Vec::new());
    for (path, factor) in PATHS {
        let what = path.name();
        let load = path.load(&bench.path("express"), express_at, &called(1))?;
        let mut targets =
            vec![stack.target("these services", path)?, target("Express", express_at, &express, load)];
        let load = load_of_provider(path, &bench.path("oidc-provider"), provider_at)?;
        targets.extend(load.map(|load| target("oidc-provider", provider_at, &provider, load)));
        let runs = compare(bench.arguments, &what, 16, &targets)?;
        rows.extend(runs.rows(&what));
        bars.extend(runs.rates().map(|(name, rate)| (what.clone(), name, rate)));
        if let Some(factor) = factor {
            let cpu = median(runs.ratios("Express", |[_, _, _, cpu, _]| *cpu));
            let text = format!("{what}: requests/s ÷ those of Express");
            goals.push(Goal::at_least(text, factor, runs.rate("Express"), "×"));
            let text = format!("{what}: CPU per request ÷ that of Express");
            goals.push(Goal::at_most(text, 1.0 / 6.0, cpu, "×"));
        }
    }
    picture::write(&bench.arguments.docs, &bars)?;
    Ok(Report { goals, text: format!("16 connections, {}.\n{}", bench.effort(), table(&HEAD, &rows)) })
}

fn target<'a>(name: &'static str, address: SocketAddr, process: &'a Process, load: Load) -> Target<'a> {
    Target { name, address, processes: vec![process], load }
}

/// Starts `bench/NAME/server.mjs`, whose packages bench/run installs.
fn node(name: &str, folder: &Folder) -> Outcome<(Process, SocketAddr)> {
    let address = free_address()?;
    let mut command = Command::new("node");
    command.arg(format!("bench/{name}/server.mjs")).env_clear().env("NODE_ENV", "production");
    command.env("PATH", env::var_os("PATH").unwrap_or_default());
    command.env("HOST", address.ip().to_string()).env("PORT", address.port().to_string());
    let mut process = Process::start(&mut command, folder.with_extension("log"))?;
    process.until(|| Connection::open(address))?;
    Ok((process, address))
}

/// oidc-provider has the first three paths, with other requests.
fn load_of_provider(path: Path, folder: &Folder, front: SocketAddr) -> Outcome<Option<Load>> {
    let (folder, create) = (folder.join(path.name()), oidc("/token", "grant_type=client_credentials"));
    Ok(Some(match path {
        Path::Create => Load::rotate(&folder, &[create])?,
        Path::Refresh => {
            let session = ("offline_access".to_owned(), oidc("/sessions", ""));
            let refresh = oidc("/token", "grant_type=refresh_token&scope=KEY&refresh_token=TOKEN");
            Load::refresh(&folder, &refresh, "refresh_token", (front, vec![session; REFRESHED]))?
        }
        Path::Validate => {
            let created = call_all(front, &vec![create; SESSIONS])?;
            let validate = |body: &String| {
                Ok(oidc("/token/introspection", &format!("token={}", member(body, "access_token")?)))
            };
            Load::rotate(&folder, &created.iter().map(validate).collect::<Outcome<Vec<_>>>()?)?
        }
        Path::Message => return Ok(None),
    }))
}
