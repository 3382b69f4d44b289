//! Paths and links in the documentation lead to files that exist, and anchors to headings.

use std::{collections::BTreeSet, fs, path::Path};

use super::files::{Document, assert_none, documents, root};

/// Where a path may begin besides the root and the document's folder: what every service has.
const BASES: [&str; 2] = ["orchestrator", "orchestrator/src"];

/// Folders that the programs and scripts write.
const WRITTEN: [&str; 4] = ["data/", "deploy/secrets", "secrets/", "target/"];

/// Code spans that look like paths of the repository and are none.
const NO_PATHS: [&str; 12] = [
    // Ends of routes, and a media type.
    "generate/internal",
    "Token/Assertion",
    "application/x-www-form-urlencoded",
    // Of other programs: a module of the npm package, Twilio's widget, parts of user agents, nginx, a network.
    "webchat-session/conversations-client",
    "src/sessionDataHandler.ts",
    "src/store/actions/initActions.ts",
    "src/index.tsx",
    "XiaoMi/MiuiBrowser/14",
    "NetType/WIFI",
    "DIRECTORY/nginx.pid",
    "10.213.80.0/24",
    // An example.
    "name/",
];

#[test]
fn documented_paths_exist() {
    let root = root();
    let (mut faults, mut unused) = (Vec::new(), BTreeSet::from(NO_PATHS));
    for document in documents() {
        for span in document.code_spans() {
            if !is_path(&span) || WRITTEN.iter().any(|written| span.starts_with(written)) {
                continue;
            }
            let bases = BASES.map(Path::new).into_iter().chain([Path::new(""), document.folder()]);
            if NO_PATHS.contains(&span.as_str()) {
                unused.remove(span.as_str());
            } else if !bases.into_iter().any(|base| root.join(base).join(&span).exists()) {
                faults.push(format!("{}: `{span}` does not exist", document.path.display()));
            }
        }
    }
    faults
        .extend(unused.into_iter().map(|span| format!("no document has `{span}`: remove it from the test")));
    assert_none(&faults);
}

/// Whether a code span looks like a path of the repository.
fn is_path(span: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
    span.contains('/') && !span.starts_with('/') && span.chars().all(is_letter)
}

#[test]
fn links_lead_to_files_and_headings() {
    let root = root();
    let mut faults = Vec::new();
    for document in documents() {
        let prose = document.prose();
        for target in links(&prose) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = root.join(document.folder()).join(path);
            let file = if path.is_empty() { root.join(&document.path) } else { file };
            let fault = if !file.exists() {
                "does not exist"
            } else if !anchor.is_empty() && !anchors(&file).contains(anchor) {
                "has no such heading"
            } else {
                continue;
            };
            faults.push(format!("{}: {target} {fault}", document.path.display()));
        }
    }
    assert_none(&faults);
}

/// The targets of links and images.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let references =
        prose.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, target)| target));
    inline.chain(references)
}

/// The anchors of a document's headings, as GitHub and GitLab make them.
fn anchors(file: &Path) -> BTreeSet<String> {
    let document = Document { path: file.to_owned(), text: fs::read_to_string(file).unwrap() };
    let mut anchors = BTreeSet::new();
    for heading in document.prose().lines().filter(|line| line.starts_with('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        let anchor = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect::<String>();
        let repeated = (1..).map(|number| format!("{anchor}-{number}"));
        let free = [anchor.clone()].into_iter().chain(repeated).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

#[test]
fn an_anchor_is_the_headings_words() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "# The `key` file, and more\n## A\n```sh\n# no heading\n```\n## A\n").unwrap();
    assert_eq!(
        anchors(file.path()),
        BTreeSet::from(["a", "a-1", "the-key-file-and-more"].map(str::to_owned))
    );
}
