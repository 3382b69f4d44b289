//! Statements with any number of rows. The engines know a statement again by its text, so of each there are a few texts
//! and no more: with 1, 2, 4 rows and so on. What does not fill one is filled up by whoever asks.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::limits::TOGETHER;

/// A statement for 1 to [`TOGETHER`] rows, in all the texts that it has.
#[derive(Clone, Debug)]
pub struct RowsStatement {
    texts: Arc<[(usize, Arc<str>)]>,
}

impl RowsStatement {
    /// Where `{rows}` stands in `text`, come rows of `columns` parameters each: `($1, $2), ($3, $4)`.
    pub fn new(text: &str, columns: usize) -> Self {
        let counts = std::iter::successors(Some(1), |count| Some(count * 2));
        let texts = counts.take_while(|count| *count <= TOGETHER).map(|count| {
            let row = |row: usize| {
                let parameters: Vec<_> = (1..=columns).map(|n| format!("${}", row * columns + n)).collect();
                format!("({})", parameters.join(", "))
            };
            let rows: Vec<_> = (0..count).map(row).collect();
            (count, Arc::from(text.replace("{rows}", &rows.join(", "))))
        });
        Self { texts: texts.collect() }
    }

    /// The text for `rows` rows, and how many it has room for: as many or more.
    pub fn of(&self, rows: usize) -> (AssertSqlSafe<Arc<str>>, usize) {
        let text = self.texts.iter().find(|(count, _)| *count >= rows).or(self.texts.last());
        text.map_or_else(
            || (AssertSqlSafe("".into()), 0),
            |(count, text)| (AssertSqlSafe(text.clone()), *count),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_room_for_its_rows() {
        let statement = RowsStatement::new("VALUES {rows}!", 2);
        let of = |rows| {
            let (text, room) = statement.of(rows);
            (text.0.to_string(), room)
        };
        assert_eq!(of(1), ("VALUES ($1, $2)!".to_owned(), 1));
        assert_eq!(of(2), ("VALUES ($1, $2), ($3, $4)!".to_owned(), 2));
        assert_eq!(of(3), ("VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8)!".to_owned(), 4));
        for rows in 1..=TOGETHER {
            let (text, room) = of(rows);
            assert!((rows..2 * rows).contains(&room), "{rows}: {room}");
            assert_eq!(text.matches('(').count(), room);
        }
    }
}
