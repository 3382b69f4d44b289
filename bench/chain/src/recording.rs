//! The traffic between the participants on each path, recorded once from the services themselves.

use std::path::Path as Folder;

use crate::{
    Outcome,
    accounts::{OFF, ON},
    browser::Request,
    http::{Connection, Message},
    path::Path,
    recorder::{Recorder, answer, question},
    script::{Question, Script},
    stack::Plan,
};

/// The recorded traffic of all paths.
pub(crate) struct Recordings {
    paths: Vec<(Path, Recording)>,
    /// FAS's request to SAS when a conversation is opened, with `TOKEN` in place of the token.
    pub(crate) validate: Question,
}

/// The recorded traffic of one path: the scripts of the participants that respond, in call order.
#[derive(Clone, Debug)]
pub(crate) struct Recording(pub(crate) Vec<Script>);

impl Recordings {
    /// Starts a stack in `folder`, records one request of each path, and stops the stack.
    pub(crate) fn make(folder: &Folder) -> Outcome<Self> {
        let wires = [Recorder::default(), Recorder::default()];
        let stack = Plan { wires: Some(wires.clone()), ..Plan::new(folder.to_owned()) }.start()?;
        let mut browser = Connection::open(stack.orchestrator)?;
        let mut call = |request: &Request| record_call(&mut browser, &wires, request);

        let (created, create) = call(&Request::create(ON))?;
        let (_, create_off) = call(&Request::create(OFF))?;
        let token = created.member("token")?;
        let (opened, open) = call(&Request::open(&token))?;
        let (_, message) = call(&Request::message(&token, &opened.member("conversation_sid")?))?;
        // A session without a conversation, as in the measurement.
        let (another, _) = call(&Request::create(ON))?;
        let (_, refresh) = call(&Request::refresh(ON, &another.member("token")?))?;

        let last = open.0.last().ok_or("no validate request was recorded")?;
        let asked = open
            .0
            .get(1)
            .and_then(|caller| caller.questions.first())
            .ok_or("no request to SAS was recorded")?;
        let validate = Question { body: asked.body.replace(&token, "TOKEN"), ..asked.clone() };
        let validate_only = Recording(vec![last.clone()]);
        let paths = vec![
            (Path::Create, create),
            (Path::CreateOff, create_off),
            (Path::Refresh, refresh),
            (Path::Validate, validate_only),
            (Path::Open, open),
            (Path::Message, message),
        ];
        Ok(Self { paths, validate })
    }

    /// The traffic on `path`.
    pub(crate) fn of(&self, path: Path) -> Outcome<&Recording> {
        let found = self.paths.iter().find(|(other, _)| *other == path);
        found.map(|(_, recording)| recording).ok_or_else(|| "a path that was not recorded".into())
    }
}

impl Recording {
    /// A script that returns the first participant's response at once.
    pub(crate) fn hello(&self) -> Script {
        let answers = self.0.first().map(|script| script.answers.clone()).unwrap_or_default();
        Script { questions: Vec::new(), answers }
    }
}

fn record_call(
    browser: &mut Connection,
    wires: &[Recorder; 2],
    request: &Request,
) -> Outcome<(Message, Recording)> {
    let answered = browser.succeed(&request.raw())?;
    let asked = Message { head: format!("POST {} HTTP/1.1\r\n", request.path), body: Vec::new() };
    let mut exchanges = vec![vec![(asked, answered.clone())]];
    exchanges.extend(wires.iter().map(Recorder::take));
    let mut scripts: Vec<Script> = Vec::new();
    for said in exchanges {
        if let Some(caller) = scripts.last_mut() {
            caller.questions = said.iter().map(|(request, _)| question(request)).collect();
        }
        let answers = said.iter().map(|(request, reply)| answer(request, reply)).collect();
        scripts.push(Script { questions: Vec::new(), answers });
    }
    Ok((answered, Recording(scripts)))
}
