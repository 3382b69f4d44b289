//! `orchestrator webhooks …`: lists and replays events that were not delivered, and tests an endpoint (contract, section 11).
//! Works beside the running service, on the same database and accounts file.

use std::{
    fs,
    io::{Write as _, stdout},
};

use chrono::SecondsFormat;
use clap::{Arg, ArgMatches, Command, value_parser};
use conversations::Conversations;
use service_runtime::{
    Clock, Environment,
    command::{StartError, Subcommands},
    random::Random,
    settings::FilePath,
};
use shared_types::{AccountSid, ConversationSid};
use url::Url;

use crate::{
    accounts::Accounts,
    clients::{WebhookClient, webhook::system_lookup},
    settings::{AccountsSettings, DatabaseSettings, WebhookSettings},
    webhooks::{signing_secrets, target::Target, test_event},
};

/// The subcommand.
pub const WEBHOOKS: Subcommands = Subcommands { commands, run };

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage error";

fn commands() -> Vec<Command> {
    let endpoint = || {
        [
            Arg::new("account")
                .long("account")
                .required(true)
                .value_parser(value_parser!(AccountSid))
                .help("The account, AC…"),
            Arg::new("url")
                .long("url")
                .value_parser(value_parser!(Url))
                .help("The URL of one of its webhooks; default: all of them"),
        ]
    };
    let failed = Command::new("failed")
        .about("List the events that are not sent again, the newest first: date, type, conversation, index, webhook-id, URL")
        .after_help(EXIT_CODES)
        .args(endpoint())
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_parser(value_parser!(u32))
                .default_value("1000")
                .help("Maximum number of events of each webhook"),
        );
    let replay = Command::new("replay")
        .about("Send events that failed once more, as if they were new; their webhook-id stays the same")
        .after_help(format!("The running service sends them within seconds.\n\n{EXIT_CODES}"))
        .args(endpoint())
        .arg(
            Arg::new("conversation")
                .long("conversation")
                .value_parser(value_parser!(ConversationSid))
                .help("The events of this conversation, CH…; default: all"),
        );
    let test = Command::new("test")
        .about("Post a signed event of a conversation that does not exist, CH and 32 zeros, and print how it was answered")
        .after_help(EXIT_CODES)
        .args(endpoint());
    vec![
        Command::new("webhooks")
            .about("List and replay webhook events that failed, or test a webhook")
            .after_help(
                "Needs the settings of the database and of the accounts file; the service may be running.",
            )
            .subcommand_required(true)
            .subcommands([failed, replay, test]),
    ]
}

fn run(_name: &str, arguments: &ArgMatches, environment: &Environment) -> Result<(), StartError> {
    // clap requires one of the subcommands, with an account.
    let Some((command, arguments)) = arguments.subcommand() else { return Ok(()) };
    let targets = targets(arguments, environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if command == "test" {
            return test(&targets, environment).await;
        }
        let database = environment.fill::<DatabaseSettings>()?.config();
        let conversations =
            Conversations::open(&database).await.map_err(|error| environment.error("database_url", error))?;
        let done = match command {
            "failed" => failed(&conversations, &targets, arguments).await,
            _ => replay(&conversations, &targets, arguments).await,
        };
        conversations.close().await;
        done
    })
}

/// The endpoints that the arguments name.
fn targets(arguments: &ArgMatches, environment: &Environment) -> Result<Vec<Target>, StartError> {
    let AccountsSettings { accounts_file: FilePath(path) } = environment.fill()?;
    let text = fs::read_to_string(&path).map_err(|error| environment.error("accounts_file", error))?;
    let accounts = Accounts::parse(&text).map_err(|error| environment.error("accounts_file", error))?;
    let sid = arguments.get_one::<AccountSid>("account").copied().unwrap_or(AccountSid::from_bits(0));
    let account = accounts.account(&sid).ok_or_else(|| format!("{sid} is not in {}", path.display()))?;
    let url = arguments.get_one::<Url>("url");
    let folder = path.parent().unwrap_or(&path);
    let all = account.webhooks.iter().map(|webhook| Target::new(account, webhook, folder));
    let targets: Vec<Target> = all.filter(|target| url.is_none_or(|url| *url == target.url)).collect();
    if targets.is_empty() {
        return Err(format!("{sid} has no such webhook in {}", path.display()).into());
    }
    Ok(targets)
}

async fn failed(
    conversations: &Conversations,
    targets: &[Target],
    arguments: &ArgMatches,
) -> Result<(), StartError> {
    let limit = arguments.get_one::<u32>("limit").copied().unwrap_or_default();
    for target in targets {
        for event in conversations.failed_events(&target.endpoint, limit).await? {
            writeln!(
                stdout(),
                "{} {} {} {} {} {}",
                event.date_created.to_rfc3339_opts(SecondsFormat::Millis, true),
                event.event_type.as_str(),
                event.conversation,
                event.number,
                event.webhook_id(),
                target.url,
            )?;
        }
    }
    Ok(())
}

async fn replay(
    conversations: &Conversations,
    targets: &[Target],
    arguments: &ArgMatches,
) -> Result<(), StartError> {
    let conversation = arguments.get_one::<ConversationSid>("conversation").copied();
    let now = Clock::system().now();
    for target in targets {
        let replayed = conversations.replay_events(&target.endpoint, conversation, now).await?;
        let plural = if replayed == 1 { "" } else { "s" };
        writeln!(stdout(), "{replayed} event{plural} replayed to {}", target.url)?;
    }
    Ok(())
}

async fn test(targets: &[Target], environment: &Environment) -> Result<(), StartError> {
    let WebhookSettings { webhook_allow_private } = environment.fill()?;
    let client = WebhookClient::new(webhook_allow_private.0, system_lookup())?;
    let mut has_failed = false;
    for target in targets {
        let file = &target.signing_secret_file;
        let secrets = signing_secrets::load(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let posted =
            test_event(&client, target, &secrets, Random::default().u128(), Clock::system().now()).await;
        match posted {
            Ok(()) => writeln!(stdout(), "accepted by {}", target.url)?,
            Err(error) => {
                has_failed = true;
                writeln!(stdout(), "failed at {}: {error}", target.url)?;
            }
        }
    }
    if has_failed { Err("not every webhook accepted the event".into()) } else { Ok(()) }
}
