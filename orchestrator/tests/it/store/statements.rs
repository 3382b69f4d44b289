//! Every statement is valid on both engines, also those that no other test happens to run.

use std::fs;

use store::Engine;
use test_support::direct::Direct;

use crate::store::Store;

test_support::on_both_engines! {
    Store:
    every_statement_can_be_prepared,
}

async fn every_statement_can_be_prepared(store: Store) {
    let mut database = store.connection().await;
    for statement in conversations::statements() {
        database.prepare(statement).await.unwrap_or_else(|error| panic!("{statement:?}: {error}"));
    }
}

/// The cost of a statement must not grow with the number of conversations: each searches indexes and sorts nothing.
#[tokio::test]
async fn every_statement_searches_an_index() {
    let store = Store::on_sqlite().await;
    let Direct::Sqlite(connection) = store.connection().await else { panic!("{}", store.url) };
    for statement in conversations::statements() {
        let text = statement.text(Engine::Sqlite);
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let steps = explain.raw_query().mapped(|row| row.get::<_, String>("detail"));
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        let is_scan = |step: &&String| step.contains("SCAN") && !step.ends_with(" CONSTANT ROW");
        let scans: Vec<&String> = steps.iter().filter(is_scan).collect();
        // The two rows of a subquery; the events of one lease.
        let is_bounded = scans == ["SCAN nearest"] || scans == ["SCAN due"];
        assert!(scans.is_empty() || is_bounded, "{text}: {steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{text}: {steps:?}");
        // The lists of a state and of a guest search no other conversations of the account.
        for (condition, index) in [("state = ?6", "by_state"), ("identity = ?6", "by_identity")] {
            let uses = steps.iter().any(|step| step.contains(index));
            assert!(uses || !text.contains(condition), "{text}: {steps:?}");
        }
    }
}

#[test]
fn every_statement_is_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/conversations/src");
    let declared = fs::read_dir(folder).unwrap().map(|file| {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        // A macro declares its statements once for each use.
        let macros = code.split("macro_rules! list").nth(1).map_or(0, |rest| {
            let [definition, uses] = rest.splitn(2, "\n}\n").collect::<Vec<_>>()[..] else {
                panic!("{code}")
            };
            definition.matches("Sql::new(").count() * (uses.matches("list!(").count() - 1)
        });
        code.matches("Sql::new(").count() + macros
    });
    // Two are PostgreSQL's only.
    assert_eq!(declared.sum::<usize>(), conversations::statements().len() + 2);
}
