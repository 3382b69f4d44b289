//! `orchestrator explain-fingerprint`: compares the recorded headers of two requests of a browser at every sensitivity
//! level. Prints signal names, never their values.

use std::{
    fmt::Write as _,
    fs,
    io::{Write as _, stdout},
    net::IpAddr,
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use service_runtime::{
    Environment,
    command::{StartError, Subcommands},
    random::Random,
};
use shared_types::{
    AccountSid, DeploymentKey,
    fingerprint::{
        AccountKeys, BoundFingerprint, Comparison, Evidence, FingerprintKey, FingerprintKeys, Mode,
        Sensitivity, Signal, Signals, Verdict, generate, judge,
    },
};

/// The subcommand.
pub const EXPLAIN_FINGERPRINT: Subcommands = Subcommands { commands, run };

/// Maximum size of a file, in bytes.
const MAX_LEN: u64 = 1024 * 1024;

fn commands() -> Vec<Command> {
    let file = |name, help| Arg::new(name).required(true).value_parser(value_parser!(PathBuf)).help(help);
    let command = Command::new("explain-fingerprint")
        .about("Compare two recorded requests of a browser at every sensitivity level")
        .after_help(
            "A file holds the headers of one request, one per line (`Name: value`), as the orchestrator received \
             them; text after an empty line is ignored. The browser's address is the last one of X-Forwarded-For. \
             Both requests are treated as requests for one deployment.\n\n\
             Exit codes: 0 printed, 1 a file is unreadable or gives no fingerprint, 2 usage error",
        )
        .arg(file("SEALED", "Headers of the request that created or last refreshed the token"))
        .arg(file("PRESENTED", "Headers of the request that presents the token"))
        .arg(
            Arg::new("first")
                .long("first")
                .value_parser(value_parser!(PathBuf))
                .help("Headers of the request that began the session, if different"),
        )
        .arg(
            Arg::new("proof")
                .long("proof")
                .action(ArgAction::SetTrue)
                .help("The request has a valid proof by the session's key"),
        );
    vec![command]
}

fn run(_name: &str, arguments: &ArgMatches, _environment: &Environment) -> Result<(), StartError> {
    let read = |name| arguments.get_one::<PathBuf>(name).map(Recorded::read).transpose();
    let (Some(sealed), Some(presented)) = (read("SEALED")?, read("PRESENTED")?) else {
        return Err("expected two files".into());
    };
    // A random key is enough: digests are only compared with each other.
    let keys = FingerprintKeys::new(vec![FingerprintKey::new(Random::default().bytes::<32>().to_vec())?])?;
    let keys = keys.account(AccountSid::from_bits(0));
    let key_is_proved = arguments.get_flag("proof");
    let report = explain(&keys, &sealed, read("first")?.as_ref(), &presented, key_is_proved)?;
    Ok(stdout().write_all(report.as_bytes())?)
}

/// The headers of a request.
struct Recorded {
    file: PathBuf,
    headers: Vec<(String, Vec<u8>)>,
}

impl Recorded {
    fn read(file: &PathBuf) -> Result<Self, StartError> {
        let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        if fs::metadata(file).map_err(|error| fault(&error))?.len() > MAX_LEN {
            return Err(fault(&"longer than 1 MiB").into());
        }
        let bytes = fs::read(file).map_err(|error| fault(&error))?;
        Ok(Self { file: file.clone(), headers: headers(&bytes) })
    }

    /// The first value, as in a request.
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_slice())
    }

    fn client(&self) -> Option<IpAddr> {
        let (_, chain) = self.headers.iter().rev().find(|(name, _)| name == "x-forwarded-for")?;
        str::from_utf8(chain).ok()?.rsplit(',').next()?.trim().parse().ok()
    }

    fn signals(&self) -> Result<Signals<'_>, StartError> {
        let evidence =
            Evidence::from_headers(|name| self.header(name), self.client(), DeploymentKey::from_bits(0));
        Ok(Signals::read(&evidence).map_err(|error| format!("{}: {error}", self.file.display()))?)
    }
}

/// Parses the headers up to an empty line. A request line is skipped.
fn headers(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let name = str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains(' '))?;
        Some((name.to_ascii_lowercase(), value.get(1..)?.trim_ascii().to_vec()))
    };
    lines.filter_map(header).collect()
}

fn explain(
    keys: &AccountKeys,
    sealed: &Recorded,
    first: Option<&Recorded>,
    presented: &Recorded,
    key_is_proved: bool,
) -> Result<String, StartError> {
    let fingerprint = |recorded: &Recorded, level| {
        recorded.signals().map(|signals| generate(keys, &signals, level, Mode::Enforce))
    };
    let mut verdicts = Vec::with_capacity(Sensitivity::ALL.len());
    for level in Sensitivity::ALL {
        let (sealed, presented) = (fingerprint(sealed, level)?, fingerprint(presented, level)?);
        let first = first.map(|first| fingerprint(first, level)).transpose()?;
        let bound = BoundFingerprint { sealed: &sealed, first: first.as_ref(), key_is_proved };
        verdicts.push(judge(bound, &presented));
    }
    Ok(table(&verdicts))
}

fn table(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    row(&mut text, "", Sensitivity::ALL.map(|level| level.name().to_owned()));
    for signal in Signal::ALL {
        row(&mut text, signal.name(), verdicts.iter().map(|verdict| outcome(&verdict.last, signal)));
    }
    sums(&mut text, verdicts.iter().map(|verdict| verdict.last));
    if verdicts.iter().any(|verdict| verdict.since_session_start.is_some()) {
        let since = || verdicts.iter().map(|verdict| verdict.since_session_start.unwrap_or_default());
        row(&mut text, "since the beginning", since().map(|comparison| comparison.broke.to_string()));
        sums(&mut text, since());
    }
    let verdict = |verdict: &Verdict| if verdict.accepted { "accepted" } else { "refused" }.to_owned();
    row(&mut text, "verdict", verdicts.iter().map(verdict));
    text
}

/// The points of the signals that drifted, and the number of counted signals that held.
fn sums(text: &mut String, comparisons: impl Iterator<Item = Comparison> + Clone) {
    row(text, "points", comparisons.clone().map(|sum| format!("{} of {}", sum.points, sum.budget)));
    row(text, "counted", comparisons.map(|sum| format!("{}, least {}", sum.counted, sum.least)));
}

/// The audit log's word for a signal; `-` if the sealed fingerprint lacks it.
fn outcome(comparison: &Comparison, signal: Signal) -> String {
    let word = if comparison.held.contains(signal) {
        "held"
    } else if comparison.broke.contains(signal) {
        "broke"
    } else if comparison.drifted.contains(signal) {
        "drifted"
    } else {
        "-"
    };
    word.to_owned()
}

fn row(text: &mut String, name: &str, cells: impl IntoIterator<Item = String>) {
    let mut line = format!("{name:<20}");
    for cell in cells {
        let _ = write!(line, " {cell:<12}");
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "POST /v2/Webchat/Token HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36\r\nOrigin: https://shop.example.com\r\n\
        X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Twilio-Sec-UserSettings: {\"userTimezone\":-60,\"cookieEnabled\":true}\r\n\
        X-Twilio-Sec-WebchatInfo: {\"loginTimestamp\":1}\r\n\r\nUser-Agent: of the body";

    fn recorded(text: &str) -> Recorded {
        Recorded { file: PathBuf::from("a-file"), headers: headers(text.as_bytes()) }
    }

    fn report(first: Option<&str>, sealed: &str, presented: &str) -> Result<String, String> {
        let keys = FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap();
        let keys = keys.account(AccountSid::from_bits(0));
        explain(&keys, &recorded(sealed), first.map(recorded).as_ref(), &recorded(presented), false)
            .map_err(|error| error.to_string())
    }

    fn line<'a>(report: &'a str, name: &str) -> Vec<&'a str> {
        let line = report.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    }

    #[test]
    fn a_change_is_reported_at_every_level() {
        let after = CHROME.replace("138.0", "145.0").replace(r#":-60,"cookieEnabled":true"#, ":300");
        let after = after.replace("203.0.113.7", "198.51.100.1");
        let report = report(None, CHROME, &after).unwrap();
        assert_eq!(line(&report, "family"), ["held"; 3]);
        assert_eq!(line(&report, "major_version"), ["drifted", "drifted", "broke"]);
        assert_eq!(line(&report, "timezone"), ["drifted"; 3]);
        assert_eq!(line(&report, "cookie_enabled"), ["drifted"; 3]);
        assert_eq!(line(&report, "network"), ["drifted"; 3]);
        assert_eq!(line(&report, "brand"), ["-"; 3]);
        assert_eq!(line(&report, "points"), ["6 of 10", "6 of 5", "6 of 3"]);
        assert_eq!(line(&report, "counted"), ["4, least 3", "4, least 4", "3, least 5"]);
        assert_eq!(line(&report, "verdict"), ["accepted", "refused", "refused"]);
        assert!(!report.contains("since") && !report.contains("Windows") && !report.contains("203"));
    }

    #[test]
    fn the_first_request_is_reported_if_different() {
        let sealed = CHROME.replace("138.0", "144.0");
        let report = report(Some(CHROME), &sealed, &CHROME.replace("138.0", "145.0")).unwrap();
        assert_eq!(line(&report, "major_version"), ["drifted"; 3]);
        assert_eq!(line(&report, "since the beginning"), ["major_version"]);
        assert_eq!(line(&report, "verdict"), ["accepted", "accepted", "refused"]);
    }

    #[test]
    fn a_file_without_a_fingerprint_is_an_error() {
        for text in ["", "\n\n", "no header\n", "Origin: https://shop.example.com\n"] {
            let reason = report(None, CHROME, text).unwrap_err();
            assert_eq!(reason, "a-file: the header user-agent is missing or malformed", "{text}");
        }
        let bad = CHROME.replace("{\"loginTimestamp\":1}", "{");
        assert!(report(None, &bad, CHROME).unwrap_err().contains("x-twilio-sec-webchatinfo"));
    }
}
