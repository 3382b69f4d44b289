//! Runs a console transcript of the documentation again: its commands exit as the page shows, and print what it shows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use regex::Regex;

use super::super::files::root;
use crate::binary::separate_services::binary;

/// What differs in each run. In a transcript, it stands for any text of the same kind.
const VOLATILE: [&str; 7] = [
    r#""refresh_after":\d+"#,
    r"\d{4}-\d\d-\d\dT[0-9:.]+Z",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    r"\b(?:AC|CV|CH|SK)[0-9a-f]{32}\b",
    r"\b(?:enc|sig|audit)-\d{8}-[0-9a-f]{4}\b",
    r"\b[0-9a-f]{16}\b",
    r"\b[A-Za-z0-9_-]{43}\b",
];

/// How long a command may fail that the page repeats until it succeeds.
const LIMIT: Duration = Duration::from_secs(30);

/// A command, and what the page shows below it.
struct Step {
    command: String,
    shown: String,
}

/// The console transcripts of a document, in order.
pub(super) fn blocks(text: &str) -> Vec<&str> {
    text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("console\n")).collect()
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), shown: String::new() });
            continue;
        }
        let step = steps.last_mut().unwrap();
        let is_continued = step.command.ends_with('\\')
            || !Command::new("bash").args(["-n", "-c", &step.command]).output().unwrap().status.success();
        let part = if is_continued { &mut step.command } else { &mut step.shown };
        if is_continued || !part.is_empty() {
            part.push('\n');
        }
        part.push_str(line);
    }
    steps
}

/// A shell in a folder, with the programs of this repository.
pub(super) struct Console {
    folder: PathBuf,
    programs: PathBuf,
    /// What the page shows, and what stands in its place in this run.
    values: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

impl Console {
    pub(super) fn new(folder: &Path) -> Self {
        let programs = Path::new(binary("orchestrator").get_program()).parent().unwrap().to_owned();
        Self { folder: folder.to_owned(), programs, values: Vec::new(), variables: Vec::new() }
    }

    pub(super) fn variable(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// The page shows the one where this run has the other.
    pub(super) fn value(&mut self, shown: &str, real: impl Into<String>) {
        self.values.push((shown.to_owned(), real.into()));
    }

    /// Runs a command that is not in the page.
    #[track_caller]
    pub(super) fn prepare(&self, command: &str) {
        let (succeeded, output) = self.run(command);
        assert!(succeeded, "{command}\n{output}");
    }

    /// Runs all commands of a page's transcript, counted from 0.
    #[track_caller]
    pub(super) fn runs(&mut self, page: &str, number: usize) {
        self.runs_with(page, number, |_| {});
    }

    /// With something that happens before each command, counted from 0.
    #[track_caller]
    pub(super) fn runs_with(&mut self, page: &str, number: usize, mut before: impl FnMut(usize)) {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let steps = steps(blocks(&text)[number]);
        for (index, step) in steps.iter().enumerate() {
            if super::is_run_elsewhere(&step.command) {
                continue;
            }
            before(index);
            let command = self.in_place(&step.command);
            let is_repeated = index > 0 && steps[index - 1].command == step.command;
            let (started, mut outcome) = (Instant::now(), self.run(&command));
            while is_repeated && !outcome.0 && started.elapsed() < LIMIT {
                outcome = self.run(&command);
            }
            let (succeeded, output) = outcome;
            let fails = step.shown.lines().any(|line| {
                ["orchestrator: ", "scoped-auth: "].iter().any(|program| line.starts_with(program))
            });
            assert_eq!(succeeded, !fails, "{page}: {command}\n{output}");
            if !step.shown.is_empty() {
                self.compare(&step.shown, &output).unwrap_or_else(|()| {
                    panic!("{page}: {command}\nprints\n{output}\nthe page has\n{}", step.shown)
                });
            }
        }
    }

    fn in_place(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, (shown, real)| text.replace(shown, real))
    }

    /// Exit and output. Variables that a command sets stay set.
    fn run(&self, command: &str) -> (bool, String) {
        let script = format!(
            "exec 2>&1; PATH={}:$PATH; set -a; [ ! -e .variables ] || . ./.variables\n{command}\nstatus=$?; declare -p TOKEN >.variables 2>/dev/null; exit $status",
            self.programs.display()
        );
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]).current_dir(&self.folder).envs(self.variables.iter().cloned());
        let output = bash.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    /// Compares the output with the page: `…` stands for any text. Ids of this run stand for those of the page from here on.
    fn compare(&mut self, shown: &str, output: &str) -> Result<(), ()> {
        let one_space = |text: &str| {
            let lines = text.trim().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.collect::<Vec<_>>().join("\n")
        };
        let (shown, output) = (one_space(&self.in_place(shown)), one_space(output));
        let volatile = Regex::new(&VOLATILE.map(|kind| format!("({kind})")).join("|")).unwrap();
        let (mut pattern, mut end, mut found) = (String::from("^(?s)"), 0, Vec::new());
        for captures in volatile.captures_iter(&shown) {
            let whole = captures.get(0).unwrap();
            pattern += &escaped(&shown[end..whole.start()]);
            end = whole.end();
            if self.values.iter().any(|(_, real)| real == whole.as_str()) {
                pattern += &regex::escape(whole.as_str());
            } else {
                let kind = (0..VOLATILE.len()).find(|kind| captures.get(kind + 1).is_some()).unwrap();
                pattern += &format!("({})", VOLATILE[kind]);
                found.push((whole.as_str().to_owned(), kind));
            }
        }
        pattern += &escaped(&shown[end..]);
        let captures = Regex::new(&(pattern + "$")).unwrap().captures(&output).ok_or(())?;
        for (group, (shown, kind)) in found.into_iter().enumerate() {
            // Numbers and times are no ids.
            if kind > 1 {
                self.values.push((shown, captures[group + 1].to_owned()));
            }
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.split('…').map(regex::escape).collect::<Vec<_>>().join(".*?")
}

#[test]
fn a_transcript_is_divided_and_compared() {
    let block = "$ first \\\n    argument\nshown\n  more\n$ for a in b; do\n    c\n  done\n";
    let steps: Vec<_> = steps(block).into_iter().map(|step| (step.command, step.shown)).collect();
    let expected = [("first \\\n    argument", "shown\n  more"), ("for a in b; do\n    c\n  done", "")];
    assert_eq!(steps, expected.map(|(command, shown)| (command.to_owned(), shown.to_owned())));

    let folder = tempfile::tempdir().unwrap();
    let mut console = Console::new(folder.path());
    let (page, real) = ("SK3f1c0a9e5d7b4e2f8a6c1d0b9e8f7a65", "SK00000000000000000000000000000002");
    assert_eq!(console.compare(&format!("key  {page}\n…\nend"), &format!("key {real}\na\nb\nend\n")), Ok(()));
    assert_eq!(console.in_place(page), real);
    assert_eq!(console.compare(&format!("key {page}"), "key SK00000000000000000000000000000003"), Err(()));
    assert_eq!(console.compare("at 2026-11-20T20:15:04Z", "at 2026-11-21T20:15:04.5Z"), Ok(()));
    assert_eq!(console.compare("status 1", "status 2"), Err(()));
    console.prepare("TOKEN=kept");
    console.prepare("[ $TOKEN = kept ]");
    assert_eq!(console.run("echo error >&2; false"), (false, "error\n".to_owned()));
}
