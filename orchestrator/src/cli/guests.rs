//! `orchestrator guests …`: exports and erases what the store holds of a guest (contract, section 11). Works beside the
//! running service, on the same database.

mod export;

use std::{
    fs,
    io::{Write as _, stdout},
    path::PathBuf,
};

use clap::{Arg, ArgMatches, Command, value_parser};
use conversations::{Conversations, Subscriptions};
use schemars::JsonSchema;
use serde::Deserialize;
use service_runtime::{
    Clock, Environment, SettingError,
    command::{StartError, Subcommands},
    settings::FilePath,
};
use shared_types::{AccountSid, Identity};

use crate::{accounts::Accounts, settings::DatabaseSettings};

/// The subcommand.
pub const GUESTS: Subcommands = Subcommands { commands, run };

/// The accounts file, which these commands do without.
#[derive(Deserialize, JsonSchema)]
struct OptionalAccountsSettings {
    accounts_file: Option<FilePath>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage error";

fn commands() -> Vec<Command> {
    let guest = || {
        let option = |name, help| Arg::new(name).long(name).required(true).help(help);
        [
            option("account", "The account, AC…").value_parser(value_parser!(AccountSid)),
            option("identity", "The guest, a UUID").value_parser(value_parser!(Identity)),
        ]
    };
    let export = Command::new("export")
        .about("Write all that the database holds of a guest to OUTPUT.json, and a transcript to OUTPUT.txt")
        .after_help(format!("Existing files are not overwritten.\n\n{EXIT_CODES}"))
        .args(guest())
        .arg(
            Arg::new("output")
                .long("output")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The path of both files, without extension"),
        );
    let erase = Command::new("erase")
        .about("Erase all conversations of a guest, end the guest's sessions, and grant the identity to nobody")
        .after_help(format!(
            "The account and identity are kept, without any text, for the retention of conversations. PostgreSQL's \
             write-ahead log, replicas and backups keep erased texts for as long as their operator keeps them.\n\n\
             {EXIT_CODES}"
        ))
        .args(guest());
    vec![
        Command::new("guests")
            .about("Export or erase what the database holds of a guest")
            .after_help(
                "Needs the settings of the database; the service may be running. With that of the accounts file, \
                 erasures are reported to the account's webhooks.",
            )
            .subcommand_required(true)
            .subcommands([export, erase]),
    ]
}

fn run(_name: &str, arguments: &ArgMatches, environment: &Environment) -> Result<(), StartError> {
    // clap requires one of the subcommands, with both arguments.
    let Some((_, arguments)) = arguments.subcommand() else { return Ok(()) };
    let (Some(account), Some(identity)) =
        (arguments.get_one::<AccountSid>("account"), arguments.get_one::<Identity>("identity"))
    else {
        return Ok(());
    };
    let config = environment.fill::<DatabaseSettings>()?.config();
    let subscriptions = subscriptions(*account, environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let conversations = Conversations::open(&config)
            .await
            .map_err(|error| -> SettingError { environment.error("database_url", error) })?;
        // Only `export` has an output.
        let output = arguments.try_get_one::<PathBuf>("output").ok().flatten();
        let done = match output {
            Some(output) => export::export(&conversations, *account, *identity, output).await,
            None => erase(&conversations.reporting_to(subscriptions), *account, *identity).await,
        };
        conversations.close().await;
        done
    })
}

/// The webhooks that the erasure is reported to; none without an accounts file.
fn subscriptions(account: AccountSid, environment: &Environment) -> Result<Subscriptions, SettingError> {
    let OptionalAccountsSettings { accounts_file } = environment.fill()?;
    let Some(FilePath(path)) = accounts_file else { return Ok(Subscriptions::default()) };
    let unusable = |error: &dyn std::fmt::Display| environment.error("accounts_file", error);
    let text = fs::read_to_string(path).map_err(|error| unusable(&error))?;
    let accounts = Accounts::parse(&text).map_err(|error| unusable(&error))?;
    Ok(accounts.account(&account).map(|account| account.subscriptions.clone()).unwrap_or_default())
}

async fn erase(
    conversations: &Conversations,
    account: AccountSid,
    identity: Identity,
) -> Result<(), StartError> {
    let (erased, is_scrubbed) = conversations.erase_guest(account, identity, Clock::system().now()).await?;
    let plural = if erased == 1 { "" } else { "s" };
    writeln!(stdout(), "{erased} conversation{plural} erased")?;
    if !is_scrubbed {
        return Err("erased texts may still be in the database's files: please repeat the command".into());
    }
    let (done, left) = if conversations.is_on_postgres() {
        (
            "vacuumed",
            "PostgreSQL's write-ahead log, replicas and backups keep erased texts until they are removed",
        )
    } else {
        ("overwritten in the database file", "copies of the file, such as backups, keep erased texts")
    };
    writeln!(stdout(), "{done}; {left}")?;
    Ok(())
}
