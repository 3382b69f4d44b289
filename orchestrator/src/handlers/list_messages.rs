//! `B ->> FWO: GET /v2/WebChannels/CH…/Messages` (conversation diagram; contract, sections 3 and 12).

use std::time::Duration;

use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use conversations::Range;
use service_runtime::RequestContext;
use shared_types::{
    ConversationSid,
    desk::ConversationState,
    orchestrator::{
        ConversationPath,
        list_messages::{DEFAULT_LAST, MAX_WAIT, PAGE, PAGE_BYTES, Request, Response},
    },
};
use tokio::time::{Instant, sleep_until};

use crate::{
    admission::{Route, rate_limit::Charge},
    error::Error,
    session::{
        authenticate::{Guest, authenticate, authenticate_again},
        missing_conversation::missing,
    },
    state::State,
};

/// Returns a page of messages of the guest's own conversation. Another guest's conversation is a 404, like a missing one.
///
/// With `wait`, an empty page is held back until there is a later message or the conversation changes. Whatever came in the
/// meantime is returned only after the request was authenticated again. A wake-up without news costs one read.
pub async fn list_messages(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    request: Request,
) -> Result<Response, Error> {
    let Query { range, limit, wait } = Query::read(context, request)?;
    let charge = if wait.is_zero() { Charge::Call } else { Charge::Wait };
    let route = Route { answer_bytes: PAGE_BYTES, ..Route::new(charge) };
    let (guest, mut admitted) = authenticate(state, context, route).await?;
    let reading = Reading { conversation_sid, range, limit };
    admitted.reserve(state, context, 0)?;
    if wait.is_zero() {
        return reading.read(state, &guest).await;
    }

    let deadline = Instant::now() + wait;
    let mut registration = state.conversations.hub().register(conversation_sid);
    let page = reading.read(state, &guest).await?;
    if reading.has_news(&page) {
        return Ok(page);
    }
    context.step("Registers with the hub, reads, and finds no later message");
    let several = state.accounts.current().has_several_deployments();
    let deployment = several.then_some(guest.deployment_key);
    // Before the place is counted: the sequence tests wait for the count.
    context.step("Takes a place and waits");
    let place = state.waiting.take(guest.session.sid, admitted.client, deployment);
    let Some(place) = place.filter(|_| !state.conversations.hub().is_stopping()) else {
        return Ok(later(state, context, page));
    };
    loop {
        let event = async {
            tokio::select! {
                () = registration.changed() => Event::Changed,
                () = place.evicted() => Event::Evicted,
                () = sleep_until(deadline) => Event::Ended,
            }
        };
        match context.wait(&state.clock, event).await {
            Event::Ended => return Ok(page),
            Event::Evicted => return Ok(later(state, context, page)),
            Event::Changed => {}
        }
        // Without a slot or memory the service is overloaded, and the requests that follow are spread too.
        let is_stopping = state.conversations.hub().is_stopping();
        if is_stopping || !context.resume() || admitted.reserve(state, context, 0).is_err() {
            return Ok(later(state, context, page));
        }
        let read = reading.read(state, &guest).await;
        if read.as_ref().is_ok_and(|page| !reading.has_news(page)) {
            continue;
        }
        context.step("Reads the later message");
        let again = authenticate_again(state, context, &mut admitted).await?;
        if again.session != guest.session || again.identity != guest.identity {
            return Err(Error::InvalidToken);
        }
        return read;
    }
}

/// What ends a wait.
enum Event {
    Changed,
    Evicted,
    Ended,
}

/// A validated query.
struct Query {
    range: Range,
    limit: u32,
    wait: Duration,
}

impl Query {
    fn read(context: &RequestContext<'_>, request: Request) -> Result<Self, Error> {
        let invalid = |field, reason| Error::InvalidField { field, reason };
        let header = match context.header("webchat-after") {
            None => None,
            Some(text) => {
                let index = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                Some(index.ok_or(invalid("webchat-after", "expected an index"))?)
            }
        };
        if header.is_some() && request.after.is_some() {
            return Err(invalid("webchat-after", "expected no `after` beside it"));
        }
        let (after, wait) = (request.after.or(header), request.wait.unwrap_or(0).min(MAX_WAIT));
        let wait = Duration::from_secs(wait.into());
        if request.last.is_none() && request.before.is_none() {
            return Ok(Self { range: Range::After(after), limit: PAGE, wait });
        }
        if after.is_some() {
            return Err(invalid("after", "expected no `last` or `before` beside it"));
        }
        if !wait.is_zero() {
            return Err(invalid("wait", "expected no `last` or `before` beside it"));
        }
        let limit = request.last.unwrap_or(DEFAULT_LAST);
        if !(1..=PAGE).contains(&limit) {
            return Err(invalid("last", "expected 1 to 200"));
        }
        Ok(Self { range: Range::Before(request.before), limit, wait })
    }
}

/// What a request reads.
#[derive(Clone, Copy)]
struct Reading {
    conversation_sid: ConversationSid,
    range: Range,
    limit: u32,
}

impl Reading {
    async fn read(self, state: &State, guest: &Guest) -> Result<Response, Error> {
        let (account, identity) = (guest.account_sid, guest.identity);
        let page =
            state.conversations.messages(account, identity, self.conversation_sid, self.range, self.limit);
        match page.await? {
            Some(page) => Ok(page),
            None => Err(missing(state, account, identity).await?),
        }
    }

    /// Whether a page is returned at once. A closed conversation never waits, and neither does a request for messages after
    /// an index that does not exist: its page was restored from an older state than the client's.
    fn has_news(self, page: &Response) -> bool {
        let after = if let Range::After(after) = self.range { after } else { None };
        !page.messages.is_empty() || page.state == ConversationState::Closed || after > page.last_index
    }
}

/// Returns an empty page at once, and spreads the requests that follow it.
fn later(state: &State, context: &mut RequestContext<'_>, page: Response) -> Response {
    let seconds = 5 + state.random.u128() % 11;
    if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
        context.set_answer_header(RETRY_AFTER, value);
    }
    page
}
