//! `scoped-auth keys …`: manages the key file; and `scoped-auth migrate`.

use std::{
    fmt::Write as _,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use service_runtime::{
    Clock, Environment,
    command::{StartError, Subcommands},
    random::Random,
};
use token::{
    key_file::{Activation, Force, KeyFile, KeyFileError, KeyInfo, Removal, Use, known_after},
    key_ring::KeyRing,
};

use super::rfc3339;
use crate::{
    settings::{DatabaseSettings, KeysSettings, SessionSettings},
    store::MIGRATIONS,
};

/// `keys …`.
pub(crate) const KEYS: Subcommands = Subcommands { commands, run };

/// `migrate`: creates or updates the tables of sessions and revocations.
pub(crate) const MIGRATE: Subcommands = Subcommands {
    commands: || vec![::store::migrate_subcommand()],
    run: |_name, _arguments, environment| {
        let settings: DatabaseSettings = environment.fill()?;
        ::store::migrate(environment, &settings.config(), MIGRATIONS)
    },
};

const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed (the file is unchanged), 2 not a command";

/// What `activate --now` breaks.
const NOW: &str = "Even if the key was made less than 10 seconds ago: replicas that have not loaded it reject its tokens until then; a key of use sig less than 15 minutes ago: verifiers with cached keys reject its assertions for up to 15 minutes";

fn commands() -> Vec<Command> {
    let file = || {
        Arg::new("FILE")
            .long("file")
            .value_parser(value_parser!(PathBuf))
            .help("The JWK Set; default: SCOPED_AUTH_KEYS_FILE")
    };
    let kid = || Arg::new("KID").required(true).help("The key's name, as `list` shows it");
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let usage = Arg::new("use")
        .long("use")
        .value_parser(PossibleValuesParser::new(["enc", "sig"]))
        .conflicts_with("if-missing")
        .help("Add a key of this use only; default: one of each");
    let list = Command::new("list")
        .about("List the keys, one line each: name, use, algorithm, status, creation, expiry");
    let generate = Command::new("generate")
        .about(
            "Add keys that make no tokens yet; if there is no JWK Set, create one (mode 0600) with active keys",
        )
        .args([flag("if-missing", "Do nothing if the file exists"), usage]);
    let activate = Command::new("activate")
        .about("Make a key active; the previous one opens tokens until its last token has expired. A key of use sig must have been published for 15 minutes")
        .args([kid(), flag("now", NOW)]);
    let retire = Command::new("retire")
        .about("Remove a key that has expired, or never made tokens")
        .args([kid(), flag("now", "At once: its tokens are rejected from then on")]);
    let subkey = Command::new("subkey")
        .about("Print the subkey of a `kid` as JWK: it opens the encrypted tokens with this `kid` in any JOSE library")
        .arg(Arg::new("KID").required(true).help("The complete `kid` of a token's header"));
    let subcommands = [list, generate, activate, retire, subkey];
    vec![
        Command::new("keys")
            .about("Manage the keys of the tokens; running services load a change within seconds")
            .subcommand_required(true)
            .after_help(EXIT_CODES)
            .subcommands(subcommands.map(|command| command.arg(file()).after_help(EXIT_CODES))),
    ]
}

fn run(_name: &str, arguments: &ArgMatches, environment: &Environment) -> Result<(), StartError> {
    // clap guarantees one of these subcommands.
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(()) };
    let path = match arguments.get_one::<PathBuf>("FILE") {
        Some(path) => path.clone(),
        None => environment.fill::<KeysSettings>()?.keys_file.0,
    };
    let output = match name {
        "list" => list(&path),
        "generate" => generate(&path, arguments),
        "activate" => {
            let SessionSettings { session_max_seconds } = environment.fill()?;
            activate(&path, arguments, session_max_seconds.duration())
        }
        "retire" => retire(&path, arguments),
        _ => subkey(&path, arguments),
    };
    let output = output.map_err(|error| format!("{}: {error}", path.display()))?;
    print_output(&output);
    Ok(())
}

fn list(path: &Path) -> Result<String, StartError> {
    let (file, now) = (KeyFile::load(path)?, Clock::system().now());
    let mut lines = vec![["KID", "USE", "ALG", "STATUS", "MADE", "OPENS UNTIL"].map(str::to_owned)];
    for info in file.key_infos() {
        let KeyInfo { kid, usage, status, made_at, opens_until } = info;
        let until = match (opens_until, info.is_expired(now)) {
            (Some(time), true) => format!("{} (over)", rfc3339(*time)),
            (Some(time), false) => rfc3339(*time),
            (None, _) => "-".to_owned(),
        };
        let made = made_at.map_or("-".to_owned(), rfc3339);
        let [usage, algorithm, status] = [usage.as_str(), usage.algorithm(), status.as_str()];
        lines.push([kid, usage, algorithm, status, &made, &until].map(str::to_owned));
    }
    let (mut text, width) =
        (String::new(), lines.iter().map(|[kid, ..]| kid.len()).max().unwrap_or_default());
    for [kid, usage, algorithm, status, made, until] in &lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{kid:<width$}  {usage:<5}  {algorithm:<5}  {status:<7}  {made:<20}  {until}");
    }
    Ok(text)
}

fn generate(path: &Path, arguments: &ArgMatches) -> Result<String, StartError> {
    let (random, now) = (Random::default(), Clock::system().now());
    match KeyFile::create(path, random.source(), now) {
        Err(KeyFileError::Create(error)) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return Ok(made.map(|()| format!("{}: created\n", path.display()))?),
    }
    if arguments.get_flag("if-missing") {
        return Ok(format!("{}: already exists\n", path.display()));
    }
    let usages = match arguments.get_one::<String>("use").map(String::as_str) {
        Some("enc") => vec![Use::Encryption],
        Some(_) => vec![Use::Signing],
        None => vec![Use::Encryption, Use::Signing],
    };
    let kids = KeyFile::change(path, random.source(), now, |file| {
        let generate = |usage| Ok((file.generate(usage, random.source(), now)?, usage));
        usages.into_iter().map(generate).collect::<Result<Vec<_>, _>>()
    })?;
    let line = |(kid, usage): &(String, Use)| {
        format!("{kid}: added; it can be activated in {} seconds\n", known_after(*usage).as_secs())
    };
    Ok(kids.iter().map(line).collect())
}

fn activate(path: &Path, arguments: &ArgMatches, session_max: Duration) -> Result<String, StartError> {
    let (random, now) = (Random::default(), Clock::system().now());
    let (kid, force) = kid_and_force(arguments);
    let activated =
        KeyFile::change(path, random.source(), now, |file| file.activate(kid, now, session_max, force))?;
    Ok(match activated {
        Activation::AlreadyActive => format!("{kid}: already active\n"),
        Activation::Replaced { retired, opens_until } => {
            format!("{kid}: active\n{retired}: retired, opens until {}\n", rfc3339(opens_until))
        }
    })
}

fn retire(path: &Path, arguments: &ArgMatches) -> Result<String, StartError> {
    let (random, now) = (Random::default(), Clock::system().now());
    let (kid, force) = kid_and_force(arguments);
    let retired =
        KeyFile::change(path, random.source(), now, |file| file.retire(kid, now, force, random.source()))?;
    Ok(match retired {
        Removal::Removed => format!("{kid}: removed\n"),
        Removal::ReplacedBy(other) => format!("{kid}: removed\n{other}: active in its place\n"),
    })
}

fn subkey(path: &Path, arguments: &ArgMatches) -> Result<String, StartError> {
    let ring = KeyRing::new(KeyFile::load(path)?, Random::default().source())?;
    let kid = arguments.get_one::<String>("KID").map_or("", String::as_str);
    let jwk = ring.subkey_jwk(kid).ok_or("the file has no key for this `kid`")?;
    Ok(format!("{}\n", jwk.as_str()))
}

fn kid_and_force(arguments: &ArgMatches) -> (&str, Force) {
    let force = if arguments.get_flag("now") { Force::Now } else { Force::WhenSafe };
    (arguments.get_one::<String>("KID").map_or("", String::as_str), force)
}

#[allow(clippy::print_stdout, reason = "the output of the command")]
fn print_output(output: &str) {
    print!("{output}");
}
