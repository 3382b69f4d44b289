//! Goals.

/// Prints a figure beside its goal.
pub(super) fn goal(name: &str, measured: f64, at_most: f64) {
    let outcome = if measured <= at_most { "met" } else { "missed" };
    println!("{name}: {measured:.2} (goal {at_most}: {outcome})");
}
