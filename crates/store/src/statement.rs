//! Statements and what they give. A statement has one text for both engines, in which columns are TEXT or BIGINT, and
//! parameters `$1`, `$2` and so on.

use std::sync::OnceLock;

use crate::{config::Engine, error::DatabaseError};

/// The text of a statement. It is put into the dialect of an engine when that engine is first given it:
///
/// - `{skip_locked}` stands where rows are chosen to be removed: replicas that do so at once take different rows instead
///   of waiting for each other. In SQLite there is one writer, and no such thing.
#[derive(Debug)]
pub struct Sql {
    text: &'static str,
    in_sqlite: OnceLock<String>,
    in_postgres: OnceLock<String>,
}

/// A statement with its values.
#[derive(Debug)]
pub struct Statement {
    pub(crate) sql: &'static Sql,
    pub(crate) values: Vec<Value>,
    condition: Condition,
}

/// When a statement runs, by the one before it in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Always,
    IfNoRows,
    IfRows,
}

/// What a parameter is given, or a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// TEXT.
    Text(String),
    /// BIGINT.
    Integer(i64),
    /// Nothing; as a parameter, a TEXT that is nothing.
    Null,
}

/// What became of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The rows that it gave.
    pub rows: Rows,
    /// How many rows it changed.
    pub affected: u64,
}

/// The rows that a statement gave, in their order.
#[derive(Debug, Default)]
pub struct Rows {
    columns: usize,
    /// Row after row, and of each one column after another.
    values: Vec<Value>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(&'a [Value]);

/// What a column may be read as.
pub trait Column<'a>: Sized {
    /// `None`: it holds something else.
    fn of(value: &'a Value) -> Option<Self>;
}

impl Sql {
    /// The text, which holds all that an engine is told but the values.
    pub const fn new(text: &'static str) -> Self {
        Self { text, in_sqlite: OnceLock::new(), in_postgres: OnceLock::new() }
    }

    /// A statement of this text, with a value for each parameter.
    pub fn with<const N: usize>(&'static self, values: [Value; N]) -> Statement {
        Statement { sql: self, values: values.into(), condition: Condition::Always }
    }

    /// As the engine is given it. SQLite knows `$1` as a name and numbers names in the order in which they appear; its
    /// parameters that are numbers begin with a question mark.
    pub(crate) fn of(&'static self, engine: Engine) -> &'static str {
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

impl Statement {
    /// The same, which is left out if the statement before it in its transaction gave or changed any row.
    pub fn if_no_rows(self) -> Self {
        Self { condition: Condition::IfNoRows, ..self }
    }

    /// The same, which is skipped unless the statement before it in its transaction returned or changed any row.
    pub fn if_rows(self) -> Self {
        Self { condition: Condition::IfRows, ..self }
    }

    /// Whether it is to run after what became of the one before.
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
    pub(crate) fn new(columns: usize, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.values.chunks(self.columns.max(1)).map(Row)
    }

    /// The first, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<'a> Row<'a> {
    /// What the column holds, counted from 0.
    pub fn get<T: Column<'a>>(self, column: usize) -> Result<T, DatabaseError> {
        self.0.get(column).and_then(T::of).ok_or(DatabaseError::Malformed(column))
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
    fn each_engine_is_given_its_own_dialect() {
        static TEXT: Sql = Sql::new("SELECT a FROM t WHERE b = $2 AND c = $1 {skip_locked}");
        assert_eq!(TEXT.of(Engine::Sqlite), "SELECT a FROM t WHERE b = ?2 AND c = ?1 ");
        assert_eq!(
            TEXT.of(Engine::Postgres),
            "SELECT a FROM t WHERE b = $2 AND c = $1 FOR UPDATE SKIP LOCKED"
        );
    }

    #[test]
    fn a_column_that_is_not_what_was_asked_for_is_an_error() {
        let rows = Rows::new(3, vec!["a".into(), 1.into(), Value::Null, "b".into(), 2.into(), "c".into()]);
        let [first, second] = rows.iter().collect::<Vec<_>>()[..] else { panic!("{rows:?}") };
        assert_eq!((first.get::<&str>(0).unwrap(), first.get::<i64>(1).unwrap()), ("a", 1));
        assert_eq!(first.get::<Option<&str>>(2).unwrap(), None);
        assert_eq!(second.get::<Option<&str>>(2).unwrap(), Some("c"));
        assert!(matches!(first.get::<i64>(0), Err(DatabaseError::Malformed(0))));
        assert!(matches!(first.get::<&str>(2), Err(DatabaseError::Malformed(2))));
        assert!(matches!(first.get::<Option<i64>>(1), Ok(Some(1))));
        assert!(matches!(second.get::<Option<i64>>(2), Err(DatabaseError::Malformed(2))));
        assert!(matches!(second.get::<&str>(3), Err(DatabaseError::Malformed(3))));
        assert_eq!(Rows::default().iter().len(), 0);
    }
}
