//! Every statement is valid on both engines, also those that no other test happens to run.

use std::fs;

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

#[test]
fn every_statement_is_listed() {
    let modules = ["append", "by_session", "last_session", "lib", "open_conversation", "pages", "retention"];
    let declared = modules.iter().map(|module| {
        let file = format!("{}/../crates/conversations/src/{module}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(file).unwrap();
        text.split("#[cfg(test)]").next().unwrap().matches("Sql::new(").count()
    });
    assert_eq!(declared.sum::<usize>(), conversations::statements().len());
}
