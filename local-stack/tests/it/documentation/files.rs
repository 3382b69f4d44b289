//! The files of the repository, and the parts of a Markdown document.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that are not of the repository: built, installed or written by the programs.
const SKIPPED: [&str; 5] = [".git", "target", "node_modules", "data", ".venv"];

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A document, by its path from the root.
pub(super) struct Document {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// All documentation: `docs/` and the documents at the root.
pub(super) fn documents() -> Vec<Document> {
    let root = root();
    let mut paths =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(PathBuf::from).to_vec();
    paths.extend(files(Path::new("docs"), &["md"]));
    let read = |path: PathBuf| Document { text: fs::read_to_string(root.join(&path)).unwrap(), path };
    paths.into_iter().map(read).collect()
}

/// The files under `folder` with one of the extensions, by their paths from the root.
pub(super) fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        let is_skipped = SKIPPED.iter().any(|skipped| entry.file_name() == *skipped);
        if kind.is_dir() && !is_skipped {
            found.extend(files(&path, extensions));
        } else if kind.is_file()
            && extensions.iter().any(|known| path.extension().is_some_and(|e| e == *known))
        {
            found.push(path);
        }
    }
    found
}

impl Document {
    /// The text outside of code blocks.
    pub(super) fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }

    /// The code spans of the prose, on one line each.
    pub(super) fn code_spans(&self) -> Vec<String> {
        let prose = self.prose();
        let spans = prose.split('`').skip(1).step_by(2);
        spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// The lines of code blocks in these languages. A line that a backslash continues is one with the next.
    pub(super) fn code_lines(&self, languages: &[&str]) -> Vec<String> {
        let blocks = self.text.split("```").skip(1).step_by(2);
        let blocks = blocks.filter_map(|block| {
            let (language, code) = block.split_once('\n')?;
            languages.contains(&language).then(|| code.replace("\\\n", " "))
        });
        blocks.flat_map(|code| code.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// The folder of the document.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap()
    }
}

/// Fails with all faults that were found.
#[track_caller]
pub(super) fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults of the documentation:\n{}", faults.len(), faults.join("\n"));
}
