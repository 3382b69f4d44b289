//! `Desk ->> FWO`: lists, reads and erases messages.

use conversations::MessageRange;
use service_runtime::RequestContext;
use shared_types::{
    desk::{
        ConversationPath, DeskMessage, MessagePath, NoFields, PAGE_BYTES,
        list_messages::{Order, Request, Response},
    },
    orchestrator::NoParameters,
};

use super::{Desk, paging};
use crate::{error::Error, state::State};

/// Upper bound of one message in a response: text and attributes, escaped.
const MESSAGE_BYTES: usize = 112 * 1024;

/// `GET /v1/Conversations/CH…/Messages`
pub async fn list_messages(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { service_sid, conversation_sid }: ConversationPath,
    request: Request,
) -> Result<Response, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    let query = request.page();
    let start = query.token.as_deref().map(paging::index).transpose()?;
    let range = match request.order.unwrap_or_default() {
        Order::Asc => MessageRange::Ascending(start.unwrap_or(0)),
        Order::Desc => MessageRange::Descending(start.unwrap_or(u32::MAX)),
    };
    desk.reserve(state, context, PAGE_BYTES)?;
    let found = state.conversations.conversation(desk.account.sid, conversation_sid).await?;
    found.ok_or(Error::NotFound)?;
    let page = state.conversations.desk_messages(conversation_sid, range, query.size()).await?;
    let order = request.order.map(|order| match order {
        Order::Asc => "asc",
        Order::Desc => "desc",
    });
    let path = format!("/Conversations/{conversation_sid}/Messages");
    let next = page.next.map(paging::token_of_index);
    let message = |record| desk.resources.message(conversation_sid, record);
    Ok(Response {
        meta: paging::meta(&desk.resources, &path, &[("Order", order)], &query, next, "messages"),
        messages: page.items.into_iter().map(message).collect(),
    })
}

/// `GET /v1/Conversations/CH…/Messages/IM…`
pub async fn fetch_message(
    state: &State,
    context: &mut RequestContext<'_>,
    MessagePath { service_sid, conversation_sid, message_sid }: MessagePath,
    _request: NoFields,
) -> Result<DeskMessage, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    desk.reserve(state, context, MESSAGE_BYTES)?;
    let found = state.conversations.message(desk.account.sid, conversation_sid, message_sid).await?;
    Ok(desk.resources.message(conversation_sid, found.ok_or(Error::NotFound)?))
}

/// `DELETE /v1/Conversations/CH…/Messages/IM…`
pub async fn delete_message(
    state: &State,
    context: &mut RequestContext<'_>,
    MessagePath { service_sid, conversation_sid, message_sid }: MessagePath,
    _request: NoFields,
) -> Result<NoParameters, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    let erased =
        state.conversations.erase_message(desk.account.sid, conversation_sid, message_sid, context.now);
    if erased.await? { Ok(NoParameters {}) } else { Err(Error::NotFound) }
}
