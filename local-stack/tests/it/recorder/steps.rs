//! Collects the steps of the services: the events of the target `steps`. The process has one subscriber for all tests; the
//! trace id of an event leads to the recorder of its test.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

type Arrows = Arc<Mutex<Vec<String>>>;

/// The arrows of each recorder, by its trace id.
static RECORDERS: LazyLock<Mutex<HashMap<String, Arrows>>> = LazyLock::new(|| {
    tracing::subscriber::set_global_default(Steps).expect("no other test installs a subscriber");
    Mutex::default()
});

/// Notes the steps of a trace among `arrows`. Returns its id.
pub(super) fn collect_into(arrows: &Arrows) -> String {
    let mut recorders = RECORDERS.lock().unwrap();
    let trace_id = format!("{:032x}", recorders.len() + 1);
    recorders.insert(trace_id.clone(), arrows.clone());
    trace_id
}

struct Steps;

impl Subscriber for Steps {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "steps"
    }

    fn event(&self, event: &Event<'_>) {
        let mut step = Step::default();
        event.record(&mut step);
        let recorder = RECORDERS.lock().unwrap().get(&step.trace_id).cloned();
        if let Some(arrows) = recorder {
            let participant = step.participant();
            arrows.lock().unwrap().push(format!("{participant}->>{participant}: {}", step.step));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Step {
    service: String,
    trace_id: String,
    step: String,
}

impl Step {
    fn participant(&self) -> &'static str {
        match self.service.as_str() {
            "FlexWebchatOrchestratorService" => "FWO",
            "FederatedAuthService" => "FAS",
            "ScopedAuthService" => "SAS",
            other => panic!("{other} is no participant"),
        }
    }
}

impl Visit for Step {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "service" => self.service = value.to_owned(),
            "trace_id" => self.trace_id = value.to_owned(),
            "step" => self.step = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
