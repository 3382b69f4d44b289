//! The load generator: wrk with one thread, its scripts, and its output.

use std::{fs, net::SocketAddr, path::Path as Folder, process::Command};

use crate::{
    Outcome,
    http::{call_all, member},
    process::output,
};

/// The requests that a target is sent: a script and its arguments; and the sessions that each measurement creates.
pub(crate) struct Load {
    script: Vec<String>,
    sessions: Option<Sessions>,
}

/// A server that creates sessions, and for each `KEY` of its refreshes and the request that creates it.
pub(crate) type Sessions = (SocketAddr, Vec<(String, String)>);

impl Load {
    /// Sends these requests in turn. Its files are in `folder`.
    pub(crate) fn rotate(folder: &Folder, requests: &[String]) -> Outcome<Self> {
        let lines: String = requests.iter().map(|raw| format!("{}\n{raw}", raw.len())).collect();
        let script = vec!["bench/speed/wrk/rotate.lua".to_owned(), written(folder, "requests", &lines)?];
        Ok(Self { script, sessions: None })
    }

    /// Refreshes each session in turn. `member` of a response has the next token.
    pub(crate) fn refresh(folder: &Folder, raw: &str, member: &str, sessions: Sessions) -> Outcome<Self> {
        let [raw, tokens] = [written(folder, "request", raw)?, written(folder, "tokens", "")?];
        let script = vec!["bench/speed/wrk/refresh.lua".to_owned(), raw, tokens, member.to_owned()];
        Ok(Self { script, sessions: Some(sessions) })
    }

    /// Creates the sessions, if any.
    pub(crate) fn prepare(&self) -> Outcome<()> {
        let (Some((front, sessions)), Some(file)) = (&self.sessions, self.script.get(2)) else {
            return Ok(());
        };
        let (keys, requests): (Vec<_>, Vec<_>) = sessions.iter().cloned().unzip();
        let mut lines = String::new();
        for (key, body) in keys.iter().zip(call_all(*front, &requests)?) {
            lines.push_str(&format!("{} {key} {}\n", member(&body, "token")?, member(&body, "identity")?));
        }
        Ok(fs::write(file, lines)?)
    }

    /// Sends the load; returns its requests, and the figures of [`parse`].
    pub(crate) fn send(&self, to: SocketAddr, connections: usize, seconds: u64) -> Outcome<(f64, [f64; 3])> {
        // A store that waits for the disk should not wait for earlier writes of others.
        rustix::fs::sync();
        let (script, arguments) = self.script.split_first().ok_or("no script")?;
        let mut command = Command::new("wrk");
        command.args([
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{seconds}s"),
            "--latency",
            "-s",
            script,
        ]);
        parse(&output(command.arg(format!("http://{to}")).arg("--").args(arguments))?)
    }
}

fn written(folder: &Folder, name: &str, text: &str) -> Outcome<String> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), text)?;
    Ok(folder.join(name).display().to_string())
}

/// Requests; requests a second, median and 99th percentile of the latency in ms. A connection error or a status other than 2xx
/// is an error.
fn parse(said: &str) -> Outcome<(f64, [f64; 3])> {
    if said.contains("Non-2xx") || said.contains("Socket errors") {
        return Err(format!("not every request was answered with success: {said}").into());
    }
    // Before this line there are other percentages.
    let (_, results) = said.split_once("Latency Distribution").unwrap_or_default();
    let word = |before: &str| {
        let found = results.split_once(before).and_then(|(_, rest)| rest.split_whitespace().next());
        found.ok_or_else(|| format!("wrk printed no `{before}`: {said}"))
    };
    let milliseconds = |before: &str| -> Outcome<f64> {
        let text = word(before)?;
        let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
        let found = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
        let (digits, factor) = found.ok_or_else(|| format!("not a time: {text}"))?;
        Ok(digits.parse::<f64>()? * factor)
    };
    let requests = results.split(" requests in").next().and_then(|before| before.split_whitespace().last());
    let (requests, rate) = (requests.unwrap_or_default().parse()?, word("Requests/sec:")?.parse()?);
    Ok((requests, [rate, milliseconds("50%")?, milliseconds("99%")?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_with_an_error_is_rejected() {
        let said = "  Latency 154.44us 86.50%\n  Latency Distribution\n 50% 146.00us\n 99% 1.25ms\n 111494 \
            requests in 1.10s, 26.80MB read\nRequests/sec: 101365.53\n";
        assert_eq!(parse(said).unwrap(), (111_494.0, [101_365.53, 0.146, 1.25]));
        assert!(parse(&format!("{said}  Non-2xx or 3xx responses: 7\n")).is_err());
        assert!(parse(&format!("{said}  Socket errors: connect 0, read 1, write 0, timeout 0\n")).is_err());
    }
}
