//! Figures for the page on performance.

/// Prints a figure as `bench/run` reads it, with its goal, if it has one.
pub(crate) fn figure(name: &str, value: f64, unit: &str, at_most: Option<f64>) {
    let goal = at_most.map_or(String::new(), |goal| goal.to_string());
    println!("figure|{name}|{value:.3}|{unit}|{goal}");
}
