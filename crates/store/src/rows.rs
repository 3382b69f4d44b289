//! Statements with a variable number of rows. The engines cache prepared statements by their text, so each statement
//! has only a few texts, for 1, 2, 4 rows and so on; callers pad the last rows.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::limits::MAX_BATCH_SIZE;

/// A statement for 1 to [`MAX_BATCH_SIZE`] rows, with one text per power of two.
#[derive(Clone, Debug)]
pub struct RowsStatement {
    texts: Arc<[(usize, Arc<str>)]>,
}

impl RowsStatement {
    /// Replaces `{rows}` in `text` by rows of `columns` parameters each: `($1, $2), ($3, $4)`.
    pub fn new(text: &str, columns: usize) -> Self {
        let counts = std::iter::successors(Some(1), |count| Some(count * 2));
        let texts = counts.take_while(|count| *count <= MAX_BATCH_SIZE).map(|count| {
            let row = |row: usize| {
                let parameters: Vec<_> = (1..=columns).map(|n| format!("${}", row * columns + n)).collect();
                format!("({})", parameters.join(", "))
            };
            let rows: Vec<_> = (0..count).map(row).collect();
            (count, Arc::from(text.replace("{rows}", &rows.join(", "))))
        });
        Self { texts: texts.collect() }
    }

    /// The text for at least `rows` rows, and its number of rows.
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
    fn the_text_has_at_least_the_requested_rows() {
        let statement = RowsStatement::new("VALUES {rows}!", 2);
        let of = |rows| {
            let (text, room) = statement.of(rows);
            (text.0.to_string(), room)
        };
        assert_eq!(of(1), ("VALUES ($1, $2)!".to_owned(), 1));
        assert_eq!(of(2), ("VALUES ($1, $2), ($3, $4)!".to_owned(), 2));
        assert_eq!(of(3), ("VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8)!".to_owned(), 4));
        for rows in 1..=MAX_BATCH_SIZE {
            let (text, room) = of(rows);
            assert!((rows..2 * rows).contains(&room), "{rows}: {room}");
            assert_eq!(text.matches('(').count(), room);
        }
    }
}
