//! Guards the published rates: none may get worse, published figures must equal the measurement, and the product's
//! goals are met.

use std::sync::LazyLock;

use fingerprint_evaluation::{
    Evaluation, Goal, JUDGES, Rate, Row, evaluate,
    report::{self, CommittedRow},
};

static EVALUATION: LazyLock<Evaluation> =
    LazyLock::new(|| evaluate().expect("the committed population can be read"));

fn rows() -> impl Iterator<Item = &'static Row> {
    EVALUATION.false_rejects.iter().chain(&EVALUATION.false_accepts)
}

fn rates(row: &Row) -> impl Iterator<Item = (&'static str, Rate)> {
    JUDGES.into_iter().zip(row.rates)
}

/// The baselines are for comparison and have no goals.
fn levels(row: &Row) -> impl Iterator<Item = (&'static str, Rate)> {
    rates(row).take(3)
}

#[test]
fn no_rate_is_worse_than_the_committed_one() {
    let page = report::documents(&EVALUATION).unwrap().swap_remove(0).committed;
    let committed = report::committed_rows(&page);
    assert!(!committed.is_empty(), "no table is committed; {} writes it", report::COMMAND);
    let mut worse = Vec::new();
    for row in rows() {
        let Some(CommittedRow { of, counts, .. }) = committed.iter().find(|known| known.name == row.name)
        else {
            continue;
        };
        for ((level, rate), count) in levels(row).zip(counts) {
            let was = Rate { count: *count, of: *of };
            if rate.value() > was.value() {
                worse.push(format!("{}, {level}: {rate}, committed {was}", row.name));
            }
        }
    }
    assert!(worse.is_empty(), "worse than in docs/fingerprint.md:\n{}", worse.join("\n"));
}

#[test]
fn committed_results_match_the_measurement() {
    for document in report::documents(&EVALUATION).unwrap() {
        assert!(
            document.produced == document.committed,
            "{} is not what is measured; this rewrites it: {}",
            document.path.display(),
            report::COMMAND
        );
    }
}

#[test]
fn the_goals_are_met() {
    let mut missed = Vec::new();
    for row in rows() {
        for (level, rate) in levels(row) {
            let met = match row.goal {
                Goal::NeverRefused | Goal::AlwaysRefused => rate.count == 0,
                Goal::RefusedOnlyByHigh => rate.count == 0 || level == "high",
                Goal::AcceptedOnlyByLow => rate.count == 0 || level == "low",
                Goal::QuarterAndEighth => match level {
                    "medium" => rate.count * 4 <= rate.of,
                    "high" => rate.count * 8 <= rate.of,
                    _ => true,
                },
                Goal::None => true,
            };
            if !met {
                missed.push(format!("{}, {level}: {rate}", row.name));
            }
        }
    }
    assert!(missed.is_empty(), "goals not met:\n{}", missed.join("\n"));
}

#[test]
fn goals_have_enough_samples() {
    for row in rows() {
        let rate = row.rates[0];
        assert!(rate.of >= 100, "{}: {} cases", row.name, rate.of);
        assert!(row.rates.iter().all(|other| other.of == rate.of));
    }
    for name in ["nothing changed", "new network", "every header copied, the network not"] {
        let row = rows().find(|row| row.name == name).unwrap();
        assert_eq!(row.rates[0].of as usize, EVALUATION.facts.visitors, "{name}");
    }
}

#[test]
fn the_measurement_is_self_consistent() {
    let row = |name: &str| rows().find(|row| row.name == name).unwrap();
    // A thief who copies everything is accepted by all judges, and an unchanged visitor is rejected by none.
    assert!(row("every header copied, the network not").rates.iter().all(|rate| rate.value() == 1.0));
    assert!(row("nothing changed").rates.iter().all(|rate| rate.count == 0));
    // Strangers share a User-Agent as often as the population's exact probabilities say.
    let strangers = row("two strangers, no loginTimestamp").rates[3];
    let expected = EVALUATION.facts.same_user_agent;
    assert!((strangers.value() - expected).abs() < 0.02, "{strangers}, expected {expected}");
}
