//! `Desk ->> FWO: GET /v1/ParticipantConversations`: all conversations of a guest, which an export or an erasure goes
//! through.

use chrono::DateTime;
use conversations::{Filter, Page, Position};
use service_runtime::RequestContext;
use shared_types::desk::{
    PAGE_BYTES, ServicePath,
    list_participant_conversations::{Request, Response},
};

use super::{Desk, paging};
use crate::{error::Error, state::State};

/// `GET /v1/ParticipantConversations`
pub async fn list_participant_conversations(
    state: &State,
    context: &mut RequestContext<'_>,
    ServicePath { service_sid }: ServicePath,
    request: Request,
) -> Result<Response, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    let query = request.page();
    let start = match &query.token {
        Some(token) => paging::position(token)?,
        None => Position::before(paging::end_date(None)?),
    };
    desk.reserve(state, context, PAGE_BYTES)?;
    let page = match request.identity.parse() {
        Ok(identity) => {
            let (account, filter) = (desk.account.sid, Filter::Identity(identity));
            let earliest = DateTime::UNIX_EPOCH;
            state.conversations.list_conversations(account, filter, start, earliest, query.size()).await?
        }
        Err(_) => Page { items: Vec::new(), next: None },
    };
    let filters = [("Identity", Some(request.identity.as_str()))];
    let next = page.next.map(paging::token_of);
    let path = "/ParticipantConversations";
    let of_guest = |record| desk.resources.participant_conversation(record);
    Ok(Response {
        meta: paging::meta(&desk.resources, path, &filters, &query, next, "conversations"),
        conversations: page.items.into_iter().map(of_guest).collect(),
    })
}
