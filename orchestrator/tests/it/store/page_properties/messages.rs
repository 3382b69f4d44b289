//! Pages of messages: of the guest after and before an index, of the desk ascending and descending.

use chrono::TimeDelta;
use conversations::{MessageRange, MessageRecord, NewConversation, NewMessage, Range};
use proptest::{prelude::*, sample::Index};
use shared_types::{
    AccountSid, ConversationSid, MessageSid,
    desk::{ConversationState, Side, create_message::MAX_ATTRIBUTES},
    orchestrator::{
        list_messages::{ChatMessage, PAGE, PAGE_BYTES, Response},
        send_message::MAX_BODY,
    },
};

use super::{Bounds, UNITS, check, new_account, resources, text};
use crate::store::{Store, conversation, identity, message, now};

test_support::on_both_engines! {
    Store:
    every_page_is_the_part_of_the_list_next_to_its_position,
    following_pages_lose_and_repeat_nothing,
    three_messages_that_fill_a_page_leave_no_room_for_its_meta,
}

/// A message to write.
#[derive(Clone, Debug)]
struct Written {
    side: Side,
    unit: usize,
    length: usize,
    attributes: Option<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(Written),
    Erase(Index),
}

fn written() -> impl Strategy<Value = Written> {
    let length = prop_oneof![4 => 1..60_usize, 2 => 1..4000_usize, 2 => 20_000..=MAX_BODY];
    let attributes = proptest::option::weighted(0.2, 1..MAX_ATTRIBUTES - 20);
    let side = prop_oneof![Just(Side::Guest), Just(Side::Desk)];
    (side, 0..UNITS.len(), length, attributes).prop_map(|(side, unit, length, attributes)| Written {
        side,
        unit,
        length,
        attributes,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let erase = any::<Index>().prop_map(Change::Erase);
    prop_oneof![3 => written().prop_map(Change::Write), 1 => erase]
}

/// A conversation in the store, and its model.
struct Chat<'a> {
    store: &'a Store,
    account: AccountSid,
    sid: ConversationSid,
    records: Vec<MessageRecord>,
    /// Encoded lengths of the messages as they were written, for the guest and for the desk.
    sizes: [Vec<usize>; 2],
}

impl<'a> Chat<'a> {
    async fn open(store: &'a Store, changes: Vec<Change>) -> Self {
        let (number, account) = new_account();
        let sid = ConversationSid::from_bits(number << 64);
        let welcome = (MessageSid::from_bits(number << 64), "Welcome!");
        let new =
            NewConversation { account_sid: account, conversation_sid: sid, welcome, ..conversation(1, 0) };
        store.open(new).await;
        let mut chat = Self { store, account, sid, records: Vec::new(), sizes: [Vec::new(), Vec::new()] };
        chat.push(store.conversations.message(account, sid, welcome.0).await.unwrap().unwrap());
        assert_eq!(chat.records[0].side, Side::System);
        for change in changes {
            chat.apply(change).await;
        }
        chat
    }

    async fn apply(&mut self, change: Change) {
        let Self { store, account, sid, .. } = *self;
        match change {
            Change::Write(Written { side, unit, length, attributes }) => {
                let body = text(unit, length);
                let attributes =
                    attributes.map(|length| serde_json::json!({ "a": text(4, length / 2) }).to_string());
                let new = NewMessage {
                    sid: MessageSid::from_bits(sid.to_bits() + self.records.len() as u128),
                    attributes: attributes.as_deref().filter(|_| side == Side::Desk),
                    ..message(0, &body)
                };
                let appended = match side {
                    Side::Guest => store.conversations.append_of_guest(account, identity(1), sid, new).await,
                    Side::Desk | Side::System => store.conversations.append_of_desk(account, sid, new).await,
                };
                self.push(appended.unwrap().unwrap().message);
            }
            Change::Erase(index) => {
                let index = index.index(self.records.len());
                let record = self.records[index].clone();
                let later = now() + TimeDelta::seconds(1);
                assert!(store.conversations.erase_message(account, sid, record.sid, later).await.unwrap());
                self.records[index] =
                    MessageRecord { body: String::new(), attributes: None, date_updated: later, ..record };
            }
        }
    }

    fn push(&mut self, record: MessageRecord) {
        assert_eq!(record.index as usize, self.records.len());
        self.sizes[0].push(resources::length(&ChatMessage::from(record.clone())) + 1);
        self.sizes[1].push(resources::length(&resources::message(self.sid, &record)) + 1);
        self.records.push(record);
    }

    /// Reads a page of the guest, compares it with the model, and returns the indexes, from the page's position on.
    async fn guest_page(&self, range: Range, limit: u32) -> Vec<usize> {
        let page = self.store.conversations.messages(self.account, identity(1), self.sid, range, limit).await;
        let page = page.unwrap().unwrap();
        let count = self.records.len();
        let at_most = |index: Option<u32>, default| index.map_or(default, |index| count.min(index as usize));
        let (mut from_position, is_descending): (Vec<usize>, _) = match range {
            Range::After(after) => {
                ((at_most(after.map(|index| index.saturating_add(1)), 0)..count).collect(), false)
            }
            Range::Before(before) => ((0..at_most(before, count)).rev().collect(), true),
        };
        let sizes: Vec<usize> = from_position.iter().map(|index| self.sizes[0][*index]).collect();
        let taken = page.messages.len();
        let encoded = resources::length(&page);
        Bounds { taken, limit, encoded, max_bytes: PAGE_BYTES, sizes: &sizes, tolerance: 20 }.assert();
        from_position.truncate(taken);
        let mut expected: Vec<ChatMessage> =
            from_position.iter().map(|index| self.records[*index].clone().into()).collect();
        if is_descending {
            expected.reverse();
        }
        let last_index = u32::try_from(count - 1).ok();
        let expected = Response { messages: expected, last_index, state: ConversationState::Active };
        assert_eq!(page, expected, "{range:?}, {limit}");
        from_position
    }

    /// The same for the desk, with the position of the next page.
    async fn desk_page(&self, range: MessageRange, limit: u32) -> (Vec<usize>, Option<u32>) {
        let page = self.store.conversations.desk_messages(self.sid, range, limit).await.unwrap();
        let count = self.records.len();
        let mut from_position: Vec<usize> = match range {
            MessageRange::Ascending(start) => (start as usize..count).collect(),
            MessageRange::Descending(start) => {
                (0..count.min((start as usize).saturating_add(1))).rev().collect()
            }
        };
        let sizes: Vec<usize> = from_position.iter().map(|index| self.sizes[1][*index]).collect();
        let (taken, max_bytes) = (page.items.len(), shared_types::desk::PAGE_BYTES);
        let encoded = resources::length_of_messages(self.sid, &page.items);
        Bounds { taken, limit, encoded, max_bytes, sizes: &sizes, tolerance: 600 }.assert();
        let next = from_position.get(taken).map(|index| u32::try_from(*index).unwrap());
        assert_eq!(page.next, next, "{range:?}, {limit}");
        from_position.truncate(taken);
        let expected: Vec<MessageRecord> =
            from_position.iter().map(|index| self.records[*index].clone()).collect();
        assert_eq!(page.items, expected, "{range:?}, {limit}");
        (from_position, next)
    }
}

async fn every_page_is_the_part_of_the_list_next_to_its_position(store: Store) {
    check(proptest::collection::vec(change(), 0..24), async |changes| {
        let chat = Chat::open(&store, changes).await;
        let end = u32::try_from(chat.records.len()).unwrap() + 1;
        for index in (0..=end).chain([u32::MAX]) {
            for limit in [1, 2, 5, PAGE] {
                for range in [Range::After(Some(index)), Range::Before(Some(index))] {
                    chat.guest_page(range, limit).await;
                }
                for range in [MessageRange::Ascending(index), MessageRange::Descending(index)] {
                    chat.desk_page(range, limit.min(100)).await;
                }
            }
        }
        for limit in 1..=end {
            chat.guest_page(Range::After(None), limit).await;
            chat.guest_page(Range::Before(None), limit).await;
        }
    });
}

async fn following_pages_lose_and_repeat_nothing(store: Store) {
    let case =
        (proptest::collection::vec(change(), 0..16), proptest::collection::vec(change(), 4), 1..12_u32);
    check(case, async |(changes, meanwhile, limit)| {
        for way in 0..4 {
            let mut chat = Chat::open(&store, changes.clone()).await;
            let (at_first, mut meanwhile) = (chat.records.len(), meanwhile.clone());
            let (mut read, mut position) = (Vec::new(), None);
            loop {
                let (page, next) = match way {
                    0 | 1 => {
                        let range = if way == 0 { Range::After(position) } else { Range::Before(position) };
                        let page = chat.guest_page(range, limit).await;
                        let next = page.last().map(|index| u32::try_from(*index).unwrap());
                        (page, next)
                    }
                    2 => chat.desk_page(MessageRange::Ascending(position.unwrap_or(0)), limit).await,
                    _ => chat.desk_page(MessageRange::Descending(position.unwrap_or(u32::MAX)), limit).await,
                };
                read.extend(page);
                position = next;
                if position.is_none() {
                    break;
                }
                if let Some(change) = meanwhile.pop() {
                    chat.apply(change).await;
                }
            }
            // Ascending, a later page has what was written meanwhile, unless the last page had been read.
            let expected: Vec<usize> =
                if way % 2 == 0 { (0..read.len()).collect() } else { (0..at_first).rev().collect() };
            assert_eq!(read, expected, "way {way}");
            assert!(read.len() >= at_first);
            assert!(way != 0 || read.len() == chat.records.len());
        }
    });
}

async fn three_messages_that_fill_a_page_leave_no_room_for_its_meta(store: Store) {
    let mut chat = Chat::open(&store, Vec::new()).await;
    let body = "\"".repeat(MAX_BODY);
    // As long as a third of a page together with the body and the store's estimate of all else.
    let attributes = serde_json::json!({ "a": format!("xx{}", "\"".repeat(5072)) }).to_string();
    for n in 1..=3 {
        let sid = MessageSid::from_bits(chat.sid.to_bits() + n);
        let new = NewMessage { sid, attributes: Some(&attributes), ..message(0, &body) };
        let appended = store.conversations.append_of_desk(chat.account, chat.sid, new).await;
        chat.push(appended.unwrap().unwrap().message);
    }
    let (page, next) = chat.desk_page(MessageRange::Ascending(1), 100).await;
    assert_eq!((page, next), (vec![1, 2], Some(3)));
}
