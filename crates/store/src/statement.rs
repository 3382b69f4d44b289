//! Statements and their results. A statement has one text for both engines, with columns of TEXT or BIGINT and
//! parameters `$1`, `$2` and so on.

use std::sync::OnceLock;

use crate::{config::Engine, error::DatabaseError};

/// The text of a statement, translated to an engine's dialect at its first use:
///
/// - `{skip_locked}`: in the subquery that selects rows to delete. Concurrent replicas then take different rows instead
///   of waiting for each other. Empty for SQLite, which has one writer.
#[derive(Debug)]
pub struct Sql {
    text: &'static str,
    in_sqlite: OnceLock<String>,
    in_postgres: OnceLock<String>,
    columns: OnceLock<Box<[String]>>,
}

/// A statement with its parameters.
#[derive(Debug)]
pub struct Statement {
    pub(crate) sql: &'static Sql,
    pub(crate) values: Vec<Value>,
    condition: Condition,
}

/// When a statement runs, depending on the previous one in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Always,
    IfNoRows,
    IfRows,
}

/// A parameter or a column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// TEXT.
    Text(String),
    /// BIGINT.
    Integer(i64),
    /// NULL; as a parameter, of type TEXT.
    Null,
}

/// The result of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The returned rows.
    pub rows: Rows,
    /// The number of changed rows.
    pub affected: u64,
}

/// Returned rows, in order.
#[derive(Debug, Default)]
pub struct Rows {
    columns: &'static [String],
    /// Row-major.
    values: Vec<Value>,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'static [String],
    values: &'a [Value],
}

/// A type that a column can be read as.
pub trait Column<'a>: Sized {
    /// `None` if the value has another type.
    fn of(value: &'a Value) -> Option<Self>;
}

impl Sql {
    /// A statement's text. Values are passed as parameters only.
    pub const fn new(text: &'static str) -> Self {
        Self { text, in_sqlite: OnceLock::new(), in_postgres: OnceLock::new(), columns: OnceLock::new() }
    }

    /// A statement with a value for each parameter.
    pub fn with<const N: usize>(&'static self, values: [Value; N]) -> Statement {
        self.with_all(values.into())
    }

    /// [`with`](Self::with), for any number of values.
    pub fn with_all(&'static self, values: Vec<Value>) -> Statement {
        Statement { sql: self, values, condition: Condition::Always }
    }

    /// The text for an engine. SQLite treats `$1` as a name and numbers names by appearance; its numbered parameters
    /// start with a question mark.
    pub fn text(&'static self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => {
                self.in_sqlite.get_or_init(|| self.text.replace("{skip_locked}", "").replace('$', "?"))
            }
            Engine::Postgres => {
                self.in_postgres.get_or_init(|| self.text.replace("{skip_locked}", "FOR UPDATE SKIP LOCKED"))
            }
        }
    }
}

impl Sql {
    /// The names of the columns that the statement returns, read from the engine once.
    pub(crate) fn columns(&'static self, read: impl FnOnce() -> Box<[String]>) -> &'static [String] {
        self.columns.get_or_init(read)
    }
}

impl Statement {
    /// Skips the statement if the previous one in its transaction returned or changed any row.
    pub fn if_no_rows(self) -> Self {
        Self { condition: Condition::IfNoRows, ..self }
    }

    /// Skips the statement unless the previous one in its transaction returned or changed any row.
    pub fn if_rows(self) -> Self {
        Self { condition: Condition::IfRows, ..self }
    }

    /// Whether it is skipped if the previous one returned or changed any row.
    pub(crate) fn is_alternative(&self) -> bool {
        self.condition == Condition::IfNoRows
    }

    /// Whether to run it after the previous statement's outcome.
    pub(crate) fn should_run(&self, before: Option<&Outcome>) -> bool {
        let had_rows = before.is_some_and(|before| before.affected > 0 || !before.rows.is_empty());
        match self.condition {
            Condition::Always => true,
            Condition::IfNoRows => !had_rows,
            Condition::IfRows => had_rows,
        }
    }
}

impl Rows {
    pub(crate) fn new(columns: &'static [String], values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// Iterates over the rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        let columns = self.columns;
        self.values.chunks(columns.len().max(1)).map(move |values| Row { columns, values })
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<'a> Row<'a> {
    /// Reads a column by its name.
    pub fn get<T: Column<'a>>(self, column: &str) -> Result<T, DatabaseError> {
        let index = self.columns.iter().position(|name| name == column);
        let value = index.and_then(|index| self.values.get(index));
        value.and_then(T::of).ok_or_else(|| DatabaseError::Malformed(column.to_owned()))
    }
}

impl<'a> Column<'a> for &'a str {
    fn of(value: &'a Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Column<'_> for i64 {
    fn of(value: &Value) -> Option<Self> {
        if let Value::Integer(integer) = value { Some(*integer) } else { None }
    }
}

impl<'a, T: Column<'a>> Column<'a> for Option<T> {
    fn of(value: &'a Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::of(value).map(Some) }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_translated_to_each_dialect() {
        static TEXT: Sql = Sql::new("SELECT a FROM t WHERE b = $2 AND c = $1 {skip_locked}");
        assert_eq!(TEXT.text(Engine::Sqlite), "SELECT a FROM t WHERE b = ?2 AND c = ?1 ");
        assert_eq!(
            TEXT.text(Engine::Postgres),
            "SELECT a FROM t WHERE b = $2 AND c = $1 FOR UPDATE SKIP LOCKED"
        );
    }

    #[test]
    fn reading_a_column_as_another_type_is_an_error() {
        static SQL: Sql = Sql::new("");
        let columns = SQL.columns(|| ["a", "b", "c"].map(String::from).into());
        let values = vec!["a".into(), 1.into(), Value::Null, "b".into(), 2.into(), "c".into()];
        let rows = Rows::new(columns, values);
        let [first, second] = rows.iter().collect::<Vec<_>>()[..] else { panic!("{rows:?}") };
        assert_eq!((first.get::<&str>("a").unwrap(), first.get::<i64>("b").unwrap()), ("a", 1));
        assert_eq!(first.get::<Option<&str>>("c").unwrap(), None);
        assert_eq!(second.get::<Option<&str>>("c").unwrap(), Some("c"));
        let malformed = |result: Result<i64, _>, name| {
            assert!(matches!(result, Err(DatabaseError::Malformed(column)) if column == name), "{name}");
        };
        malformed(first.get("a"), "a");
        malformed(first.get("c"), "c");
        malformed(first.get("d"), "d");
        assert!(matches!(first.get::<Option<i64>>("b"), Ok(Some(1))));
        assert!(second.get::<Option<i64>>("c").is_err());
        assert_eq!(Rows::default().iter().len(), 0);
    }
}
