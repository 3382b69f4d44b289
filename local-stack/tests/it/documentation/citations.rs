//! Citations of the contract, in code and documentation: `contract, section 2`, `sections 3 and 12`, `section 2, step 4`,
//! `section 1, *webchat security*`. The section, its step and the emphasised words exist.

use std::{collections::BTreeMap, fs, path::Path};

use super::files::{assert_none, files, root};

const EXTENSIONS: [&str; 11] =
    ["rs", "md", "js", "mjs", "html", "css", "sql", "toml", "yaml", "py", "template"];

/// The text of each section of the contract.
fn sections() -> BTreeMap<u32, String> {
    let text = fs::read_to_string(root().join("docs/contract.md")).unwrap();
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (number, text) = section.split_once(". ").unwrap();
            (number.parse().unwrap(), text.to_owned())
        })
        .collect()
}

#[test]
fn cited_clauses_of_the_contract_exist() {
    let (sections, mut faults, mut checked) = (sections(), Vec::new(), 0);
    for path in files(Path::new(""), &EXTENSIONS) {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for citation in citations(&text) {
            checked += 1;
            if let Err(fault) = citation.check(&sections) {
                faults.push(format!("{}: {citation:?}: {fault}", path.display()));
            }
        }
    }
    assert_none(&faults);
    assert!(checked > 80, "only {checked} citations were found");
}

/// A citation of the contract.
#[derive(Debug, Default, PartialEq, Eq)]
struct Citation {
    sections: Vec<u32>,
    step: Option<u32>,
    clause: Option<String>,
}

impl Citation {
    fn check(&self, sections: &BTreeMap<u32, String>) -> Result<(), String> {
        for number in &self.sections {
            let section = sections.get(number).ok_or_else(|| format!("no section {number}"))?;
            let has_step = |step: u32| section.contains(&format!("\n{step}. "));
            if let Some(step) = self.step.filter(|step| !has_step(*step)) {
                return Err(format!("section {number} has no step {step}"));
            }
            if let Some(clause) = self.clause.as_ref().filter(|clause| !section.contains(*clause)) {
                return Err(format!("section {number} has no {clause}"));
            }
        }
        Ok(())
    }
}

/// The citations of a text.
fn citations(text: &str) -> Vec<Citation> {
    let comments = ["//!", "///", "//", "#", "--", "*"];
    let without_mark = |line: &str| {
        let line = line.trim();
        comments.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim().to_owned()
    };
    let text = text.lines().map(without_mark).collect::<Vec<_>>().join(" ");
    let ends = text.match_indices("ontract").map(|(start, word)| start + word.len());
    ends.filter_map(|end| citation(text.get(end..)?)).collect()
}

/// The citation that continues with `rest` after the word `contract`.
fn citation(rest: &str) -> Option<Citation> {
    let rest = rest.strip_prefix("'s").unwrap_or(rest).trim_start_matches([',', ':', ' ']);
    let mut words =
        rest.strip_prefix("sections").or_else(|| rest.strip_prefix("section"))?.split(' ').skip(1);
    let mut citation = Citation::default();
    let mut is_step = false;
    while let Some(word) = words.next() {
        // Behind a full stop or a bracket, another sentence begins.
        let number = word.trim_end_matches([',', '.', ';', ':', ')']).parse().ok();
        match (number, word) {
            (Some(number), _) if is_step => citation.step = Some(number),
            (Some(number), _) => citation.sections.push(number),
            (None, "step") => is_step = true,
            (None, "and") => {}
            (None, word) => {
                let rest = [word].into_iter().chain(words).collect::<Vec<_>>().join(" ");
                let clause = rest.strip_prefix('*').and_then(|rest| rest.split_once('*'));
                citation.clause = clause.map(|(clause, _)| format!("*{clause}*"));
                break;
            }
        }
        if word.ends_with(['.', ';', ':', ')']) {
            break;
        }
    }
    Some(citation)
}

#[test]
fn citations_are_read() {
    let citation = |sections: &[u32], step, clause: Option<&str>| Citation {
        sections: sections.to_vec(),
        step,
        clause: clause.map(str::to_owned),
    };
    for (text, expected) in [
        ("the rule (contract, section 12). 4 more", citation(&[12], None, None)),
        ("contract, sections 2 and 11: a", citation(&[2, 11], None, None)),
        ("//! The contract's\n//! section 2, step 4, a", citation(&[2], Some(4), None)),
        ("(contract, section 1, *webchat security*)", citation(&[1], None, Some("*webchat security*"))),
    ] {
        assert_eq!(citations(text), [expected], "{text}");
    }
    assert_eq!(citations("a contract with sections"), []);
    for unknown in
        [citation(&[99], None, None), citation(&[2], Some(99), None), citation(&[7], None, Some("*x*"))]
    {
        assert!(unknown.check(&sections()).is_err(), "{unknown:?}");
    }
}
