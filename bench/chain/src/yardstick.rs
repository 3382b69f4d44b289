//! The yardstick server: reads a request's body, sends the scripted requests to the next one if there is one, and
//! returns prepared bytes. It has no logic, checks or logs.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web::{self, Bytes},
};
use clap::Parser;

use crate::{
    Failure, Outcome,
    free_list::{FreeList, Ready},
    script::{Answer, Script},
};

/// The start options of a yardstick.
#[derive(Parser)]
pub struct Arguments {
    /// Listen address
    #[arg(long)]
    listen: SocketAddr,
    /// The script: a file that the harness has written
    #[arg(long)]
    script: PathBuf,
    /// Threads; by default as many as a service has
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

/// Serves until the process is killed. With `next` each request is forwarded, as in the script, before its response.
///
/// # Errors
/// If the script cannot be read or the address is in use.
pub fn serve(arguments: &Arguments, next: Option<SocketAddr>) -> Outcome<()> {
    let script = Script::load(&arguments.script)?;
    if script.questions.is_empty() != next.is_none() {
        return Err("--next is required if and only if the script has requests".into());
    }
    let link = move || {
        let link = Link::new(&script, next);
        App::new().app_data(web::Data::new(link)).default_service(web::to(answer))
    };
    let server = HttpServer::new(link).workers(arguments.workers).disable_signals().bind(arguments.listen)?;
    Ok(actix_web::rt::System::new().block_on(server.run())?)
}

/// The state of a worker.
struct Link {
    answers: Vec<Held>,
    by_path: HashMap<String, usize>,
    next: Option<FreeList>,
    questions: Vec<Ready>,
}

/// A prepared response.
struct Held {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Link {
    fn new(script: &Script, next: Option<SocketAddr>) -> Self {
        Self {
            answers: script.answers.iter().map(Held::new).collect(),
            by_path: script
                .answers
                .iter()
                .enumerate()
                .map(|(at, answer)| (answer.path.clone(), at))
                .collect(),
            next: next.map(FreeList::new),
            questions: next
                .map(|next| script.questions.iter().map(|question| Ready::new(question, next)).collect())
                .unwrap_or_default(),
        }
    }

    fn held(&self, path: &str) -> Option<&Held> {
        let at = if self.answers.len() > 1 { self.by_path.get(path).copied() } else { None };
        self.answers.get(at.unwrap_or(0))
    }
}

impl Held {
    fn new(answer: &Answer) -> Self {
        let headers = answer.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
        });
        Self {
            status: StatusCode::from_u16(answer.status).unwrap_or_default(),
            headers: headers.collect(),
            body: Bytes::from(answer.body.clone()),
        }
    }
}

async fn answer(
    link: web::Data<Link>,
    request: HttpRequest,
    _read: Bytes,
) -> Result<HttpResponse, actix_web::Error> {
    if let Some(next) = &link.next {
        for question in &link.questions {
            next.ask(question).await.map_err(|error: Failure| actix_web::error::ErrorBadGateway(error))?;
        }
    }
    let held = link.held(request.path()).ok_or_else(|| actix_web::error::ErrorNotFound("no answer"))?;
    let mut response = HttpResponse::build(held.status).body(held.body.clone());
    for (name, value) in &held.headers {
        response.headers_mut().append(name.clone(), value.clone());
    }
    Ok(response)
}
