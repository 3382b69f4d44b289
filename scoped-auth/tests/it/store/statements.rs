//! Every statement is valid on both engines, also those that no other test happens to run.

use std::{fs, path::Path};

use crate::store::Store;

test_support::on_both_engines! {
    Store:
    every_statement_can_be_prepared,
}

async fn every_statement_can_be_prepared(store: Store) {
    let mut database = store.connection().await;
    for statement in scoped_auth::store::statements() {
        database.prepare(statement).await.unwrap_or_else(|error| panic!("{statement:?}: {error}"));
    }
}

#[test]
fn every_statement_is_listed() {
    let declared = ["src/store.rs", "src/store/revocations.rs"].iter().map(|file| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        text.split("#[cfg(test)]").next().unwrap().matches("Sql::new(").count()
    });
    assert_eq!(
        declared.sum::<usize>(),
        scoped_auth::store::statements().len() + 1,
        "with `NOTIFY`, for PostgreSQL"
    );
}
