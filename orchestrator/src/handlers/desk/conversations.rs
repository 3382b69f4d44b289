//! `Desk ->> FWO`: lists, reads and erases conversations.

use conversations::{Filter, Position};
use service_runtime::RequestContext;
use shared_types::{
    desk::{
        Conversation, ConversationPath, ConversationState, NoFields, PAGE_BYTES, ServicePath,
        list_conversations::{Request, Response},
    },
    orchestrator::NoParameters,
};

use super::{CONVERSATION_BYTES, Desk, paging};
use crate::{error::Error, state::State};

/// `GET /v1/Conversations`
pub async fn list_conversations(
    state: &State,
    context: &mut RequestContext<'_>,
    ServicePath { service_sid }: ServicePath,
    request: Request,
) -> Result<Response, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    let (start_date, end_date) = (request.start_date.as_deref(), request.end_date.as_deref());
    let earliest = paging::start_date(start_date)?;
    let query = request.page();
    let start = match &query.token {
        Some(token) => paging::position(token)?,
        None => Position::before(paging::end_date(end_date)?),
    };
    desk.reserve(state, context, PAGE_BYTES)?;
    let filter = request.state.map_or(Filter::All, Filter::State);
    let page = state
        .conversations
        .list_conversations(desk.account.sid, filter, start, earliest, query.size())
        .await?;
    let filters = [
        ("State", request.state.map(ConversationState::as_str)),
        ("StartDate", start_date),
        ("EndDate", end_date),
    ];
    let next = page.next.map(paging::token_of);
    Ok(Response {
        meta: paging::meta(&desk.resources, "/Conversations", &filters, &query, next, "conversations"),
        conversations: page.items.into_iter().map(|record| desk.resources.conversation(record)).collect(),
    })
}

/// `GET /v1/Conversations/CH…`
pub async fn fetch_conversation(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { service_sid, conversation_sid }: ConversationPath,
    _request: NoFields,
) -> Result<Conversation, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    desk.reserve(state, context, CONVERSATION_BYTES)?;
    let found = state.conversations.conversation(desk.account.sid, conversation_sid).await?;
    Ok(desk.resources.conversation(found.ok_or(Error::NotFound)?))
}

/// `DELETE /v1/Conversations/CH…`
pub async fn delete_conversation(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { service_sid, conversation_sid }: ConversationPath,
    _request: NoFields,
) -> Result<NoParameters, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    let is_erased = state
        .reporting(desk.account.sid)
        .erase_conversation(desk.account.sid, conversation_sid, context.now)
        .await?;
    if is_erased { Ok(NoParameters {}) } else { Err(Error::NotFound) }
}
