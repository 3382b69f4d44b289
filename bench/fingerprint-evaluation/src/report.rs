//! The report: a section of `docs/fingerprint.md`, between two markers, and two plots. A later run is compared with the
//! section, so its tables can be parsed.

use std::{
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Evaluation, Facts, Goal, JUDGES, Row, draws::SEED, plot};

/// The command that rewrites the documents.
pub const COMMAND: &str = "cargo run -p fingerprint-evaluation --release";

const BEGIN: &str = "<!-- evaluation:begin -->\n";
const END: &str = "<!-- evaluation:end -->\n";

/// A file that the evaluation writes.
pub struct Document {
    /// Where it is.
    pub path: PathBuf,
    /// Its current content; empty for a plot that was never drawn.
    pub committed: String,
    /// Its content according to the measurement.
    pub produced: String,
}

/// A row of a committed table: its name, and how often each judge was wrong, of how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRow {
    /// The change or theft.
    pub name: String,
    /// Number of cases.
    pub of: u64,
    /// In the order of [`JUDGES`].
    pub counts: Vec<u64>,
}

/// All documents, current and expected. Fails if the fingerprint page or its markers are missing.
pub fn documents(evaluation: &Evaluation) -> Result<Vec<Document>, Box<dyn Error>> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = docs.join("fingerprint.md");
    let committed = fs::read_to_string(&page)?;
    let (before, _, after) =
        parts(&committed).ok_or_else(|| io::Error::other("docs/fingerprint.md has lost its markers"))?;
    let produced = format!("{before}{BEGIN}{}{END}{after}", section(evaluation));

    let mut documents = vec![Document { path: page, committed, produced }];
    for (name, produced) in [
        (
            "false-rejects.svg",
            plot::svg("False rejects: one visitor refused after a change", &evaluation.false_rejects)?,
        ),
        (
            "false-accepts.svg",
            plot::svg("False accepts: another person accepted as the visitor", &evaluation.false_accepts)?,
        ),
    ] {
        let path = docs.join("fingerprint-evaluation").join(name);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        documents.push(Document { path, committed, produced });
    }
    Ok(documents)
}

/// The rows of all tables between the markers of a page.
pub fn committed_rows(page: &str) -> Vec<CommittedRow> {
    let (_, section, _) = parts(page).unwrap_or_default();
    section.lines().filter_map(committed_row).collect()
}

fn committed_row(line: &str) -> Option<CommittedRow> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let name = cells.next()?.to_owned();
    // A table's head has no numbers.
    let of = cells.next()?.parse().ok()?;
    let counts =
        cells.take(JUDGES.len()).map(|cell| cell.split(' ').next()?.parse().ok()).collect::<Option<_>>()?;
    Some(CommittedRow { name, of, counts })
}

fn parts(page: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (section, after) = rest.split_once(END)?;
    Some((before, section, after))
}

fn section(evaluation: &Evaluation) -> String {
    let Facts { visitors, distinct, same_user_agent, same_headers } = &evaluation.facts;
    format!(
        "<!-- Written by `{COMMAND}`; the tests hold it. -->\n\n\
         {visitors} visitors with {distinct} distinct header sets, drawn from the header network of the npm package\n\
         `header-generator` ([its origin](../bench/fingerprint-evaluation/population/README.md)). What that network does not\n\
         know (country, language, clock, decoders, address) is drawn after `bench/fingerprint-evaluation/src/draws.rs`, with\n\
         seed {SEED}. In the whole network two visitors have the same User-Agent with probability {same_user_agent:.4}, and\n\
         the same User-Agent, Sec-CH-UA, its platform and mobile flag and Accept-Encoding with {same_headers:.4}.\n\n\
         A cell is how often that judge was wrong: the count, its share, and in brackets the upper end of Wilson's 95 %\n\
         interval, which holds for visitors drawn like these, not for those of a given site. The two baselines next to the three\n\
         levels are common simple comparisons: the exact User-Agent, and all headers as one string. Every token is judged at the\n\
         presented level. The last column is the goal of the three levels; tests check it.\n\n\
         ### False rejects: one visitor refused after a change\n\n\
         {}\n\
         ![False rejects by change](fingerprint-evaluation/false-rejects.svg)\n\n\
         ### False accepts: another person accepted as the visitor\n\n\
         A thief holds the token and sends the right origin, unless the row says otherwise. The row names what was copied;\n\
         language, clock, decoders and network are drawn anew. The last row is why a proof key exists: a thief who copies every\n\
         header cannot be distinguished by headers.\n\n\
         The adaptive thief knows the code, the policy and the whole population. What a row does not name he omits, or guesses:\n\
         the most frequent headers that agree with what he knows, and the language and clock that most visitors would be\n\
         accepted with at the level that he aims at. Rows of 200 guesses have a tenth of the visitors as victims.\n\n\
         {}\n\
         ![False accepts by theft](fingerprint-evaluation/false-accepts.svg)\n\n",
        table("change", "visitors", &evaluation.false_rejects),
        table("who presents the token", "cases", &evaluation.false_accepts),
    )
}

fn table(what: &str, of: &str, rows: &[Row]) -> String {
    let mut table = format!(
        "| {what} | {of} | {} | promise |\n|---|---:|{}---|\n",
        JUDGES.join(" | "),
        "---:|".repeat(JUDGES.len())
    );
    for row in rows {
        let of = row.rates.first().map_or(0, |rate| rate.of);
        let cells: Vec<String> = row.rates.iter().map(ToString::to_string).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {} | {of} | {} | {} |", row.name, cells.join(" | "), promise(row.goal));
    }
    table
}

fn promise(goal: Goal) -> &'static str {
    match goal {
        Goal::NeverRefused => "never refused",
        Goal::RefusedOnlyByHigh => "refused only at `high`",
        Goal::AlwaysRefused => "always refused",
        Goal::AcceptedOnlyByLow => "accepted only at `low`",
        Goal::QuarterAndEighth => "`medium` ≤ a quarter, `high` ≤ an eighth",
        Goal::None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;

    #[test]
    fn tables_round_trip() {
        let rates = [0, 1, 50, 99, 100].map(|count| Rate { count, of: 100 });
        let row = Row { name: "nothing changed".to_owned(), goal: Goal::None, rates };
        let page = format!("# Title\n| no | 1 |\n{BEGIN}{}{END}more\n", table("change", "visitors", &[row]));
        let expected =
            CommittedRow { name: "nothing changed".to_owned(), of: 100, counts: vec![0, 1, 50, 99, 100] };
        assert_eq!(committed_rows(&page), [expected]);
        assert_eq!(committed_rows("# Title\n"), []);
    }
}
