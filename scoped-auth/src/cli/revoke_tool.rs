//! `scoped-auth revoke …`: an operator revokes sessions, through the admin listener of any replica (docs/api.md).

use std::{
    fs,
    io::{Read as _, Write as _, stdin, stdout},
    path::{Path, PathBuf},
};

use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};
use secrecy::ExposeSecret as _;
use service_runtime::{
    Environment,
    client::http_client_blocking,
    command::{StartError, Subcommands},
    operator_file::BYTE_ORDER_MARK,
    server::AddressSettings,
};
use shared_types::{
    AccountSid, DeploymentKey, Endpoint as _, ErrorBody, Identity, SealedToken, SessionId,
    scoped_auth::{RevokeSessions, revocations},
};

use super::rfc3339;
use crate::settings::{OperatorSettings, PORT};

/// The maximum length of a response, and of a token file.
const MAX_LEN: u64 = 16 * 1024;

/// `revoke`.
pub(crate) const REVOKE: Subcommands = Subcommands { commands, run };

fn commands() -> Vec<Command> {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let command = Command::new("revoke")
        .about("End sessions that began before now: one session, or those of a guest, a deployment or an account")
        .after_help(
            "Sends a request to the running service at SCOPED_AUTH_ADMIN_LISTEN, with SCOPED_AUTH_OPERATOR_SECRET (or \
             …_FILE). When the command returns, the revocation is durable; every replica applies it within 2 s. Whether \
             the account, deployment, guest or session exists is not checked.\n\n\
             Exit codes: 0 done, 1 refused or failed, 2 not a command",
        )
        .arg(
            option("token-file", "FILE", "The session of the token in this file; - for standard input")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            option("session", "ID", "The session with this id (the claim `sid`)")
                .value_parser(value_parser!(SessionId)),
        )
        .arg(
            option("deployment", "CV…", "All sessions of this deployment")
                .value_parser(value_parser!(DeploymentKey)),
        )
        .arg(
            option("account", "AC…", "All sessions of this account, or with --identity of one guest")
                .value_parser(value_parser!(AccountSid)),
        )
        .arg(
            option("identity", "UUID", "The guest of the account")
                .requires("account")
                .value_parser(value_parser!(Identity)),
        )
        .arg(option("address", "IP:PORT", "The admin listener; default: SCOPED_AUTH_ADMIN_LISTEN"))
        .group(ArgGroup::new("target").required(true).args(["token-file", "session", "deployment", "account"]));
    vec![command]
}

fn run(_name: &str, arguments: &ArgMatches, environment: &Environment) -> Result<(), StartError> {
    let address = match arguments.get_one::<String>("address") {
        Some(address) => address.clone(),
        None => AddressSettings::<PORT>::read(environment)?.admin_listen.to_string(),
    };
    let OperatorSettings { operator_secret } = environment.fill()?;
    let secrets = operator_secret.into_secrets();
    let Some(secret) = secrets.first() else {
        return Err("SCOPED_AUTH_OPERATOR_SECRET is missing: the request needs it to authenticate".into());
    };
    let token = arguments.get_one::<PathBuf>("token-file").map(|path| token(path)).transpose()?;
    let is_known = token.is_some();
    let request = revocations::Request {
        token,
        session_id: arguments.get_one("session").copied(),
        identity: arguments.get_one("identity").copied(),
        deployment_key: arguments.get_one("deployment").copied(),
        account_sid: arguments.get_one("account").copied(),
    };
    let answer = http_client_blocking()
        .build()?
        .post(format!("http://{address}{}", RevokeSessions::PATH))
        .bearer_auth(secret.expose_secret())
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&request)?)
        .send()
        .map_err(|_| format!("{address} cannot be reached"))?;
    let status = answer.status();
    let mut body = Vec::new();
    answer.take(MAX_LEN).read_to_end(&mut body)?;
    if !status.is_success() {
        let error: Option<ErrorBody> = serde_json::from_slice(&body).ok();
        let reason = error
            .map_or_else(|| status.to_string(), |body| format!("{}: {}", body.code.as_str(), body.message));
        return Err(format!("{address} refused: {reason}").into());
    }
    let revocations::Response { kind, revoked_at } = serde_json::from_slice(&body)?;
    let time = rfc3339(revoked_at);
    // The service knows no accounts, deployments and guests, and no sessions that were never refreshed.
    let unknown = if is_known { "" } else { "; whether there are any is not known: check the id" };
    Ok(writeln!(stdout(), "{kind}: tokens of sessions that began before {time} are rejected{unknown}")?)
}

fn token(path: &Path) -> Result<SealedToken, StartError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().lock().take(MAX_LEN).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MAX_LEN).read_to_string(&mut text))
    };
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    let text = text.trim_start_matches(BYTE_ORDER_MARK).trim();
    Ok(serde_json::from_value(text.into()).map_err(|_| format!("{}: not a token", path.display()))?)
}
