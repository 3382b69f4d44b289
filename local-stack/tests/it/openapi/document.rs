//! The OpenAPI document: its listeners, operations and security schemes.

use std::slice;

use serde_json::{Map, Value, json};
use service_runtime::server::admin;
use shared_types::{
    desk::{
        CreateMessage, DeleteConversation, DeleteMessage, FetchConversation, FetchMessage, ListConversations,
        ListDeskMessages, ListParticipantConversations, UpdateConversation,
    },
    orchestrator::{
        Authorize, CreateAssertion, CreateToken, Init, ListMessages, OpenConversation, PublicConfiguration,
        PublishKeys, RefreshToken, RevokeToken, SendMessage, authorize,
    },
    scoped_auth::RevokeSessions,
};

use super::{
    operation::{Document, Listener},
    text::tidy,
};

const DESCRIPTION: &str = "Session tokens of web chat. Each tag is a listener of its own. The version in a path matches in \
    either case: `/v2` and `/V2`. The public listener also reads field names in PascalCase and snake_case, and ignores \
    unknown fields. `HEAD` is served like `GET`. Rules that a schema cannot express are in docs/api.md and docs/desk.md.";

fn public(security: Value) -> Listener {
    Listener {
        tag: "public",
        servers: &["http://127.0.0.1:8080"],
        security,
        accepts_forms: true,
        is_desk: false,
    }
}

fn header(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema })
}

fn text_header(name: &str, description: &str) -> Value {
    header(name, description, &json!({ "type": "string" }))
}

pub(crate) fn document() -> Value {
    let mut document = Document::default();
    add_public(&mut document);
    let desk = Listener {
        tag: "desk",
        servers: &["http://127.0.0.1:8083"],
        security: json!([{ "api_key": [] }]),
        accepts_forms: true,
        is_desk: true,
    };
    document
        .add::<ListConversations>(&desk, &[])
        .add::<FetchConversation>(&desk, &[])
        .add::<UpdateConversation>(&desk, &[])
        .add::<DeleteConversation>(&desk, &[])
        .add::<ListDeskMessages>(&desk, &[])
        .add::<CreateMessage>(&desk, &[idempotency_key()])
        .add::<FetchMessage>(&desk, &[])
        .add::<DeleteMessage>(&desk, &[])
        .add::<ListParticipantConversations>(&desk, &[]);
    add_authorize(&mut document);
    add_admin(&mut document);
    let schemas = document.schemas();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Webchat session tokens",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "tags": [
            { "name": "public", "description": "For browsers: FlexWebchatOrchestratorService." },
            { "name": "desk", "description": "For servers of the customer: ORCHESTRATOR_DESK_LISTEN." },
            { "name": "authorize", "description": "For proxies: ORCHESTRATOR_AUTHORIZE_LISTEN." },
            { "name": "admin", "description": "Each service's admin listener: *_ADMIN_LISTEN." },
        ],
        "paths": document.paths,
        "components": {
            "securitySchemes": security_schemes(),
            "headers": headers(),
            "responses": document.responses,
            "schemas": schemas,
        },
    });
    tidy(&mut document);
    document
}

fn add_public(document: &mut Document) {
    // Also on the admin listener, where the response has `deployments`.
    let servers = &["http://127.0.0.1:8080", "http://127.0.0.1:9080"];
    let configuration = Listener { servers, ..public(json!([])) };
    let (open, guest) = (public(json!([])), public(json!([{ "token": [] }])));
    let proof = text_header("DPoP", "A proof of the session's key (RFC 9449).");
    let index = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
    let after = header("webchat-after", "Instead of `after`; not beside it.", &index);
    document
        .add::<CreateToken>(&open, slice::from_ref(&proof))
        .add::<RefreshToken>(&open, slice::from_ref(&proof))
        .add::<RevokeToken>(&open, slice::from_ref(&proof))
        .add::<CreateAssertion>(&guest, slice::from_ref(&proof))
        .add::<Init>(&open, slice::from_ref(&proof))
        .add::<OpenConversation>(&guest, slice::from_ref(&proof))
        .add::<ListMessages>(&guest, &[proof.clone(), after])
        .add::<SendMessage>(&guest, &[proof, idempotency_key()])
        .add::<PublicConfiguration>(&configuration, &[])
        .add::<PublishKeys>(&open, &[]);
}

fn idempotency_key() -> Value {
    let schema = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    header("Idempotency-Key", "The same request again is answered like the first.", &schema)
}

fn add_authorize(document: &mut Document) {
    let listener = Listener {
        tag: "authorize",
        servers: &["http://127.0.0.1:8084"],
        security: json!([{ "proxy_secret": [], "token": [] }]),
        accepts_forms: false,
        is_desk: false,
    };
    let proof = text_header("DPoP", "The guest's proof of the session's key (RFC 9449).");
    document.add::<Authorize>(&listener, &[proof]);
    let report = "A part of the report of the guest's request. `X-Original-Method` and `X-Original-URL` are another one.";
    let mut reported = ["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"]
        .map(|name| text_header(name, report))
        .to_vec();
    reported.extend([
        json!({ "name": "audience", "in": "query", "schema": { "type": "string", "minLength": 1 } }),
        json!({ "name": "only", "in": "query", "schema": { "type": "string", "enum": ["401,403"] } }),
    ]);
    let options = text_header(authorize::OPTIONS, "`audience` and `only` in a query's syntax.");
    let names = [
        authorize::IDENTITY,
        authorize::SESSION,
        authorize::CONVERSATION,
        authorize::DEPLOYMENT,
        authorize::ASSERTION,
    ];
    let header = json!({ "required": true, "schema": { "type": "string" } });
    let headers = Map::from_iter(names.map(|name| (name.to_owned(), header.clone())));
    for (path, item) in &mut document.paths {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            if operation["tags"] != json!(["authorize"]) {
                continue;
            }
            operation["responses"]["200"]["headers"] = json!(headers);
            operation["responses"]["403"] = json!({ "$ref": "#/components/responses/NotAuthorized" });
            let further = if path.ends_with('}') { std::slice::from_ref(&options) } else { &reported };
            if let Some(parameters) = operation["parameters"].as_array_mut() {
                parameters.extend_from_slice(further);
            }
        }
    }
    let schema = json!({
        "type": "object",
        "properties": {
            "valid": { "const": false },
            "code": { "$ref": "#/components/schemas/Code" },
            "message": { "type": "string" },
        },
        "required": ["valid", "message"],
    });
    let response = json!({
        "description": "Any code with `only=401,403`; no code without a secret of proxies.",
        "content": { "application/json": { "schema": schema } },
    });
    document.responses.insert("NotAuthorized".to_owned(), response);
}

fn add_admin(document: &mut Document) {
    let admin = |servers: &'static [&'static str], security| Listener {
        tag: "admin",
        servers,
        security,
        accepts_forms: false,
        is_desk: false,
    };
    let orchestrator = admin(&["http://127.0.0.1:9080"], json!([]));
    let every_service =
        admin(&["http://127.0.0.1:9080", "http://127.0.0.1:9081", "http://127.0.0.1:9082"], json!([]));
    let scoped_auth = admin(&["http://127.0.0.1:9082"], json!([{ "operator_secret": [] }]));
    document.add::<RevokeSessions>(&scoped_auth, &[]);
    let json = |schema: Value| json!({ "application/json": { "schema": schema } });
    let status =
        |name: &str| json(json!({ "properties": { "status": { "const": name } }, "required": ["status"] }));
    let unready = json(json!({
        "properties": { "status": { "const": "not ready" }, "reason": { "type": "string" } },
        "required": ["status", "reason"],
    }));
    let text = json!({
        "text/plain": { "schema": { "type": "string" } },
        "application/openmetrics-text": { "schema": { "type": "string" } },
    });
    for (path, id, summary, responses) in [
        (admin::HEALTHZ, "healthz", "The process runs.", json!({ "200": ("Up.", status("up")) })),
        (
            admin::READYZ,
            "readyz",
            "The service can serve.",
            json!({ "200": ("Ready.", status("ready")), "503": ("Not ready, with a reason.", unready) }),
        ),
        (admin::METRICS, "metrics", "Metrics for Prometheus.", json!({ "200": ("All metrics.", text) })),
        (
            orchestrator::app::OPENAPI,
            "openapi",
            "This document, from FlexWebchatOrchestratorService.",
            json!({ "200": ("The document.", json(json!({ "type": "object" }))) }),
        ),
    ] {
        let responses: Map<_, _> = responses
            .as_object()
            .into_iter()
            .flatten()
            .map(|(status, one)| (status.clone(), json!({ "description": one[0], "content": one[1] })))
            .collect();
        let operation = json!({
            "operationId": id,
            "tags": ["admin"],
            "summary": summary,
            "security": [],
            "responses": responses,
        });
        let listener = if path == orchestrator::app::OPENAPI { &orchestrator } else { &every_service };
        document.insert(listener, path, "get", operation);
    }
}

fn security_schemes() -> Value {
    let bearer = |description| json!({ "type": "http", "scheme": "bearer", "description": description });
    json!({
        "token": bearer("The guest's session token. A session with a proof key also needs `DPoP`."),
        "operator_secret": bearer("One of SCOPED_AUTH_OPERATOR_SECRET."),
        "api_key": {
            "type": "http",
            "scheme": "basic",
            "description": "An API key of the account: its sid and its secret, with the scope of the method.",
        },
        "proxy_secret": {
            "type": "apiKey",
            "in": "header",
            "name": authorize::PROXY_SECRET,
            "description": "One of ORCHESTRATOR_AUTHORIZE_SECRET.",
        },
    })
}

fn headers() -> Value {
    let header = |required, description: &str, schema| json!({ "required": required, "description": description, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "WWW-Authenticate": header(true, "The scheme that is expected.", text()),
        "DPoP-Nonce": header(false, "With `use_dpop_nonce`: the nonce of the next proof.", text()),
        "Retry-After": header(true, "Seconds to wait.", json!({ "type": "integer", "minimum": 0 })),
    })
}
