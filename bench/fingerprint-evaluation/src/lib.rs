//! The error rates of the fingerprint: false rejects (a visitor rejected after a change) and false accepts (someone
//! else accepted as the visitor), at each level and for two baselines, over a public population of header sets. The
//! results are in `docs/fingerprint.md`; the same seed gives the same figures everywhere, so a test compares them.

mod adaptive;
mod changes;
mod crowd;
mod draws;
mod faces;
mod judges;
mod plot;
mod population;
mod rates;
pub mod report;
mod thefts;
mod updates;
mod visitor;

pub use changes::Goal;
pub use judges::JUDGES;
pub use rates::{Rate, Row};

use std::thread;

use changes::{CHANGES, Change};
use crowd::{Crowd, One};
use draws::Draws;
use judges::{Answers, Judges};
use population::Population;
use thefts::{THEFTS, Theft};
use visitor::Visitor;

/// All results.
pub struct Evaluation {
    /// A row per change, counting rejections.
    pub false_rejects: Vec<Row>,
    /// A row per theft, counting acceptances.
    pub false_accepts: Vec<Row>,
    /// The section's figures on the population.
    pub facts: Facts,
}

/// The population in figures.
pub struct Facts {
    /// Number of visitors.
    pub visitors: usize,
    /// Number of distinct header sets.
    pub distinct: usize,
    /// The exact probability that two visitors of the whole network have the same User-Agent.
    pub same_user_agent: f64,
    /// The same for all five headers.
    pub same_headers: f64,
}

/// Measures everything; the error is the line of the population that cannot be parsed.
pub fn evaluate() -> Result<Evaluation, &'static str> {
    let population = Population::committed()?;
    let judges = Judges::new().ok_or("the key is too short")?;
    let mut draws = Draws::of("visitors");
    let crowd = Crowd::of(&population.visitors, &judges, &mut draws);

    Ok(Evaluation {
        false_rejects: in_parallel(CHANGES, |change| false_rejects(change, &crowd, &judges))?,
        false_accepts: in_parallel(THEFTS, |theft| false_accepts(theft, &crowd, &judges))?,
        facts: Facts {
            visitors: crowd.visitors.len(),
            distinct: population.distinct,
            same_user_agent: population.same_user_agent,
            same_headers: population.same_headers,
        },
    })
}

/// The rows of a table, each measured on a separate thread: each has its own draws, so their order has no effect.
fn in_parallel<T: Sync>(what: &[T], row: impl Fn(&T) -> Row + Sync) -> Result<Vec<Row>, &'static str> {
    let row = &row;
    thread::scope(|scope| {
        let rows: Vec<_> = what.iter().map(|one| scope.spawn(move || row(one))).collect();
        rows.into_iter().map(|row| row.join().map_err(|_| "a row cannot be measured")).collect()
    })
}

fn false_rejects(change: &Change, crowd: &Crowd, judges: &Judges) -> Row {
    let mut draws = Draws::of(change.name);
    let cases = crowd.visitors.iter().filter_map(|one| {
        let (before, after) = (change.happens)(&one.visitor, &mut draws)?;
        Some((one, (before, vec![after])))
    });
    Row { name: change.name.to_owned(), goal: change.goal, rates: count(cases, judges, false) }
}

fn false_accepts(theft: &Theft, crowd: &Crowd, judges: &Judges) -> Row {
    let mut draws = Draws::of(theft.name);
    let encounters = (0..theft.times).flat_map(|_| crowd.encounters()).step_by(theft.every);
    let cases =
        encounters.filter_map(|encounter| Some((encounter.victim, (theft.happens)(&encounter, &mut draws)?)));
    Row { name: theft.name.to_owned(), goal: theft.goal, rates: count(cases, judges, true) }
}

/// Counts for each judge the cases with the verdict `wrong`. A case is a visitor, its state when the token was made,
/// and the presenters of the token; it is accepted if one of them is.
fn count<'a>(
    cases: impl Iterator<Item = (&'a One, (Visitor, Vec<Visitor>))>,
    judges: &Judges,
    wrong: bool,
) -> [Rate; JUDGES.len()] {
    let mut rates = [Rate::default(); JUDGES.len()];
    let judged = cases.filter_map(|(one, (owner, presenters))| -> Option<Answers> {
        // Most rows start with the unchanged visitor; caching its view saves half of the time.
        let changed = if owner == one.visitor { None } else { Some(judges.view(&owner)?) };
        let sealed = changed.as_ref().unwrap_or(&one.sealed);
        let mut accepted = [false; JUDGES.len()];
        for presenter in &presenters {
            let answers = judges::accept(sealed, &judges.view(presenter)?);
            for (accepted, answer) in accepted.iter_mut().zip(answers) {
                *accepted |= answer;
            }
            // The levels are in the order of strictness; the baselines matter little to a thief with many tries.
            if accepted.get(2) == Some(&true) {
                break;
            }
        }
        Some(accepted)
    });
    for answers in judged {
        for (rate, accepted) in rates.iter_mut().zip(answers) {
            rate.of += 1;
            rate.count += u64::from(accepted == wrong);
        }
    }
    rates
}
