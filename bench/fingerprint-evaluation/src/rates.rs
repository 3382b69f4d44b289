//! Counts as exact fractions, each with the upper bound of the true rate.

use std::fmt;

use crate::{Goal, judges::JUDGES};

/// A fraction of a number of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// How often the judge was wrong.
    pub count: u64,
    /// How often it judged.
    pub of: u64,
}

impl Rate {
    /// The fraction; 0 if there were no cases.
    pub fn value(self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// The upper end of Wilson's 95 % interval, for visitors drawn as these were. Of 0 in n it is about 4/n.
    pub fn upper(self) -> f64 {
        const Z: f64 = 1.959_964;
        let (n, p) = (self.of.max(1) as f64, self.value());
        let middle = p + Z * Z / (2.0 * n);
        let margin = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle + margin) / (1.0 + Z * Z / n)).min(1.0)
    }
}

/// `0 (≤ 0.10 %)`, `492 · 12.30 % (≤ 13.35 %)`, `4000 · 100 %`: it starts with the count.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upper = self.upper() * 100.0;
        match self.count {
            0 => write!(f, "0 (≤ {upper:.2} %)"),
            all if all == self.of => write!(f, "{all} · 100 %"),
            count => write!(f, "{count} · {:.2} % (≤ {upper:.2} %)", self.value() * 100.0),
        }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The change or theft.
    pub name: String,
    /// Its goal.
    pub goal: Goal,
    /// For each of [`JUDGES`], how often it was wrong.
    pub rates: [Rate; JUDGES.len()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_formatted_with_confidence_bounds() {
        for (count, of, text) in [
            (0, 4000, "0 (≤ 0.10 %)"),
            (492, 4000, "492 · 12.30 % (≤ 13.35 %)"),
            (4000, 4000, "4000 · 100 %"),
            (3999, 4000, "3999 · 99.98 % (≤ 100.00 %)"),
        ] {
            assert_eq!(Rate { count, of }.to_string(), text);
        }
    }
}
