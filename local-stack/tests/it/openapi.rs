//! `docs/openapi.json`: generated from the endpoints' declarations, complete, valid, and what the services do.

mod document;
mod operation;
mod python;
mod text;

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use serde_json::Value;
use service_runtime::server::admin;
use shared_types::Method;

use self::document::document;

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json"))
}

/// `WRITE_DOCUMENTATION=1` writes the file.
#[test]
fn the_document_matches_the_endpoints() {
    let generated = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if env::var_os("WRITE_DOCUMENTATION").is_some() {
        fs::write(path(), &generated).unwrap();
        return;
    }
    let written = fs::read_to_string(path()).unwrap();
    if let Some((stale, current)) = written.lines().zip(generated.lines()).find(|(a, b)| a != b) {
        panic!(
            "docs/openapi.json is stale; to write it:\n\
             WRITE_DOCUMENTATION=1 cargo test -p local-stack --test it openapi\n{stale}\nshould be\n{current}"
        );
    }
    assert_eq!(written.len(), generated.len(), "docs/openapi.json is stale");
}

#[test]
fn operations_are_the_routes() {
    let mut routes = BTreeSet::new();
    let services = orchestrator::app::listed_routes().into_iter();
    for (method, path) in
        services.chain([scoped_auth::app::listed_operators_routes()]).flat_map(|list| list.0)
    {
        let path = path.replace("{*", "{");
        match method {
            Method::Get => routes.insert(format!("get {path}")),
            Method::Post => routes.insert(format!("post {path}")),
            Method::Delete => routes.insert(format!("delete {path}")),
            Method::Any => routes.insert(format!("any {path}")),
        };
    }
    for path in [admin::HEALTHZ, admin::READYZ, admin::METRICS, orchestrator::app::OPENAPI] {
        routes.insert(format!("get {path}"));
    }
    let document: Value = serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods: Vec<_> = item.as_object().unwrap().keys().filter(|name| *name != "servers").collect();
        if methods.len() == 8 {
            operations.insert(format!("any {path}"));
        } else {
            operations.extend(methods.into_iter().map(|method| format!("{method} {path}")));
        }
    }
    assert_eq!(operations, routes);
}
