//! The median of several values, which one bad round does not affect.

/// The median; the mean of the middle two of an even number of values; 0 if there are none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let at = |at: usize| figures.get(at).copied().unwrap_or_default();
    if figures.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_value() {
        for (figures, expected) in
            [(vec![], 0.0), (vec![7.0], 7.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 9.0, 2.0], 3.0)]
        {
            assert_eq!(median(figures), expected);
        }
    }
}
