//! `orchestrator explain-fingerprint`: what every level makes of a change between two requests of a browser, from the
//! headers that an operator has recorded. Prints signals by their names, never their values.

use std::{
    fmt::Write as _,
    fs,
    io::{Write as _, stdout},
    net::IpAddr,
    path::PathBuf,
};

use clap::{Arg, ArgMatches, Command, value_parser};
use service_runtime::{
    Settings,
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
pub const TOOLS: Subcommands = Subcommands { commands, run };

/// The longest file that is read.
const MAX_LEN: u64 = 1024 * 1024;

fn commands() -> Vec<Command> {
    let file = |name, help| Arg::new(name).required(true).value_parser(value_parser!(PathBuf)).help(help);
    let command = Command::new("explain-fingerprint")
        .about("Tell what every level makes of the change between two recorded requests of a browser")
        .after_help(
            "A file holds the headers of one request, a line each (`Name: value`), as they reached the \
             orchestrator; what follows an empty line is passed over. The browser's address is the last one of \
             X-Forwarded-For. Both requests count as made for one deployment.\n\n\
             Exit codes: 0 told, 1 a file cannot be read or gives no fingerprint, 2 not a command",
        )
        .arg(file("SEALED", "The headers that the token was made or last refreshed with"))
        .arg(file("PRESENTED", "The headers that the token is presented with"))
        .arg(
            Arg::new("first")
                .long("first")
                .value_parser(value_parser!(PathBuf))
                .help("The headers that the session began with, if they were others"),
        );
    vec![command]
}

fn run(_name: &str, arguments: &ArgMatches, _settings: &Settings) -> Result<(), StartError> {
    let read = |name| arguments.get_one::<PathBuf>(name).map(Recorded::read).transpose();
    let (Some(sealed), Some(presented)) = (read("SEALED")?, read("PRESENTED")?) else {
        return Err("expected two files".into());
    };
    // Digests are only ever compared with each other here.
    let keys = FingerprintKeys::new(vec![FingerprintKey::new(Random::default().bytes::<32>().to_vec())?])?;
    let told =
        explain(&keys.account(AccountSid::from_bits(0)), &sealed, read("first")?.as_ref(), &presented)?;
    Ok(stdout().write_all(told.as_bytes())?)
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

/// The lines up to an empty one that are headers; a request line is none.
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
) -> Result<String, StartError> {
    let fingerprint = |recorded: &Recorded, level| {
        recorded.signals().map(|signals| generate(keys, &signals, level, Mode::Enforce))
    };
    let mut verdicts = Vec::with_capacity(Sensitivity::ALL.len());
    for level in Sensitivity::ALL {
        let (sealed, presented) = (fingerprint(sealed, level)?, fingerprint(presented, level)?);
        let first = first.map(|first| fingerprint(first, level)).transpose()?;
        verdicts.push(judge(BoundFingerprint { sealed: &sealed, first: first.as_ref() }, &presented));
    }
    Ok(table(&verdicts))
}

fn table(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    row(&mut text, "", Sensitivity::ALL.map(|level| level.name().to_owned()));
    for signal in Signal::ALL {
        row(&mut text, signal.name(), verdicts.iter().map(|verdict| outcome(&verdict.last, signal)));
    }
    let levels = || verdicts.iter().zip(Sensitivity::ALL.map(Sensitivity::limits));
    let points = levels().map(|(verdict, limits)| format!("{} of {}", verdict.last.points, limits.budget));
    row(&mut text, "points", points);
    if verdicts.iter().any(|verdict| verdict.since_the_beginning.is_some()) {
        let broke = verdicts.iter().map(|verdict| verdict.since_the_beginning.unwrap_or_default().broke);
        row(&mut text, "since the beginning", broke.map(|set| set.to_string()));
        let points = levels().map(|(verdict, limits)| {
            format!("{} of {}", verdict.since_the_beginning.unwrap_or_default().points, limits.total)
        });
        row(&mut text, "", points);
    }
    let verdict = |verdict: &Verdict| if verdict.accepted { "accepted" } else { "refused" }.to_owned();
    row(&mut text, "verdict", verdicts.iter().map(verdict));
    text
}

fn outcome(comparison: &Comparison, signal: Signal) -> String {
    let gone = if comparison.gone.contains(signal) { "gone" } else { "changed" };
    let told = if comparison.held.contains(signal) {
        "held"
    } else if comparison.broke.contains(signal) {
        "broke"
    } else if comparison.drifted.contains(signal) {
        gone
    } else {
        "-"
    };
    told.to_owned()
}

fn row(text: &mut String, name: &str, cells: impl IntoIterator<Item = String>) {
    let mut line = format!("{name:<20}");
    for cell in cells {
        let _ = write!(line, " {cell:<10}");
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

    fn told(first: Option<&str>, sealed: &str, presented: &str) -> Result<String, String> {
        let keys = FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap();
        let keys = keys.account(AccountSid::from_bits(0));
        explain(&keys, &recorded(sealed), first.map(recorded).as_ref(), &recorded(presented))
            .map_err(|error| error.to_string())
    }

    fn line<'a>(told: &'a str, name: &str) -> Vec<&'a str> {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    }

    #[test]
    fn a_change_is_told_at_every_level() {
        let after = CHROME.replace("138.0", "145.0").replace(r#":-60,"cookieEnabled":true"#, ":300");
        let after = after.replace("203.0.113.7", "198.51.100.1");
        let told = told(None, CHROME, &after).unwrap();
        assert_eq!(line(&told, "family"), ["held"; 3]);
        assert_eq!(line(&told, "major_version"), ["changed", "changed", "broke"]);
        assert_eq!(line(&told, "timezone"), ["changed"; 3]);
        assert_eq!(line(&told, "cookie_enabled"), ["gone"; 3]);
        assert_eq!(line(&told, "network"), ["changed"; 3]);
        assert_eq!(line(&told, "brand"), ["-"; 3]);
        assert_eq!(line(&told, "points"), ["4 of 7", "4 of 4", "4 of 2"]);
        assert_eq!(line(&told, "verdict"), ["accepted", "accepted", "refused"]);
        assert!(!told.contains("since") && !told.contains("Windows") && !told.contains("203"));
    }

    #[test]
    fn the_beginning_is_told_where_it_is_another() {
        let sealed = CHROME.replace("138.0", "144.0");
        let told = told(Some(CHROME), &sealed, &CHROME.replace("138.0", "145.0")).unwrap();
        assert_eq!(line(&told, "major_version"), ["changed"; 3]);
        assert_eq!(line(&told, "since the beginning"), ["major_version"]);
        assert_eq!(line(&told, "verdict"), ["accepted", "accepted", "refused"]);
    }

    #[test]
    fn what_gives_no_fingerprint_is_named() {
        for text in ["", "\n\n", "no header\n", "Origin: https://shop.example.com\n"] {
            let reason = told(None, CHROME, text).unwrap_err();
            assert_eq!(reason, "a-file: the header user-agent is missing or malformed", "{text}");
        }
        let bad = CHROME.replace("{\"loginTimestamp\":1}", "{");
        assert!(told(None, &bad, CHROME).unwrap_err().contains("x-twilio-sec-webchatinfo"));
    }
}
