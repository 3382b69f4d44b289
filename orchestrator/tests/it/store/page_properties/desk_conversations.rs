//! The desk's lists of conversations, with every filter and with dates.

use chrono::{DateTime, TimeDelta, Utc};
use conversations::{Changes, ConversationRecord, Filter, NewConversation, Position};
use proptest::{prelude::*, sample::Index};
use shared_types::{
    AccountSid, ConversationSid, MessageSid, SessionId,
    desk::{ConversationState, PAGE_BYTES, create_message::MAX_ATTRIBUTES},
    scoped_auth::generate::EarlierSession,
};

use super::{Bounds, UNITS, check, new_account, resources, text};
use crate::store::{Store, conversation, identity, now};

test_support::on_both_engines! {
    Store:
    every_page_of_conversations_is_the_part_of_the_list_next_to_its_position,
    following_pages_of_conversations_lose_and_repeat_nothing,
}

const GUESTS: u8 = 3;
/// Conversations are opened within so many milliseconds, several in one.
const SPAN: i64 = 12;

#[derive(Clone, Debug)]
enum Change {
    Open { guest: u8, at: i64, unit: usize, name: Option<usize>, form: Option<usize> },
    Update { index: Index, unit: usize, name: Option<usize>, attributes: Option<usize> },
    Close(Index),
    Erase(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let open = (
        0..GUESTS,
        0..SPAN,
        0..UNITS.len(),
        proptest::option::of(1..256_usize),
        proptest::option::of(prop_oneof![1..100_usize, 5000..14_000_usize]),
    )
        .prop_map(|(guest, at, unit, name, form)| Change::Open { guest, at, unit, name, form });
    let update = (
        any::<Index>(),
        0..UNITS.len(),
        proptest::option::of(1..256_usize),
        proptest::option::of(1..MAX_ATTRIBUTES / 2),
    )
        .prop_map(|(index, unit, name, attributes)| Change::Update { index, unit, name, attributes });
    let [close, erase] = [Change::Close as fn(Index) -> Change, Change::Erase];
    prop_oneof![
        8 => open,
        2 => update,
        2 => any::<Index>().prop_map(close),
        1 => any::<Index>().prop_map(erase),
    ]
}

fn date(at: i64) -> DateTime<Utc> {
    now() + TimeDelta::milliseconds(at)
}

fn position(record: &ConversationRecord) -> Position {
    Position { date_created: record.date_created, sid: record.sid }
}

fn key(position: Position) -> (DateTime<Utc>, u128) {
    (position.date_created, position.sid.to_bits())
}

/// The conversations of an account in the store, and their model: newest first.
struct Account<'a> {
    store: &'a Store,
    sid: AccountSid,
    number: u128,
    opened: u128,
    records: Vec<ConversationRecord>,
}

impl<'a> Account<'a> {
    async fn new(store: &'a Store, changes: Vec<Change>) -> Self {
        let (number, sid) = new_account();
        let mut account = Self { store, sid, number, opened: 0, records: Vec::new() };
        for change in changes {
            account.apply(change).await;
        }
        account
    }

    async fn apply(&mut self, change: Change) {
        let conversations = &self.store.conversations;
        match change {
            Change::Open { guest, at, unit, name, form } => {
                self.opened += 1;
                // In no order.
                let bits =
                    (self.number << 32 | self.opened).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                let session = SessionId::from_random(bits.to_be_bytes());
                let sid = ConversationSid::from_bits(bits);
                let new = NewConversation {
                    account_sid: self.sid,
                    session: EarlierSession { sid: session, auth_time: now() },
                    customer_friendly_name: name.map(|length| text(unit, length)),
                    pre_engagement_data: form
                        .map(|length| serde_json::json!({ "query": text(unit, length) }).to_string()),
                    conversation_sid: sid,
                    welcome: (MessageSid::from_bits(bits), "Welcome!"),
                    now: date(at),
                    ..conversation(guest, 0)
                };
                self.store.open(new).await;
                self.records.push(conversations.conversation(self.sid, sid).await.unwrap().unwrap());
                self.records.sort_by_key(|record| std::cmp::Reverse(key(position(record))));
            }
            _ if self.records.is_empty() => {}
            Change::Update { index, unit, name, attributes } => {
                let attributes =
                    attributes.map(|length| serde_json::json!({ "a": text(unit, length) }).to_string());
                let name = name.map(|length| text(unit, length));
                let changes =
                    Changes { friendly_name: Some(name), attributes: Some(attributes), close: false };
                self.update(index, changes).await;
            }
            Change::Close(index) => self.update(index, Changes { close: true, ..Changes::default() }).await,
            Change::Erase(index) => {
                let record = self.records.remove(index.index(self.records.len()));
                assert!(conversations.erase_conversation(self.sid, record.sid, date(SPAN)).await.unwrap());
            }
        }
    }

    async fn update(&mut self, index: Index, changes: Changes) {
        let index = index.index(self.records.len());
        let record = &mut self.records[index];
        let updated =
            self.store.conversations.update_conversation(self.sid, record.clone(), changes, date(SPAN)).await;
        *record = updated.unwrap().unwrap();
    }

    /// Reads a page, compares it with the model, and returns its conversations and the next position.
    async fn page(
        &self,
        filter: Filter,
        start: Position,
        earliest: DateTime<Utc>,
        limit: u32,
    ) -> (Vec<ConversationSid>, Option<Position>) {
        let page =
            self.store.conversations.list_conversations(self.sid, filter, start, earliest, limit).await;
        let page = page.unwrap();
        let is_listed = |record: &&ConversationRecord| {
            let is_of = match filter {
                Filter::All => true,
                Filter::State(state) => record.state == state,
                Filter::Identity(identity) => record.identity == identity,
            };
            is_of && key(position(record)) <= key(start) && record.date_created >= earliest
        };
        let listed: Vec<ConversationRecord> = self.records.iter().filter(is_listed).cloned().collect();
        let taken = page.items.len();
        assert_eq!(page.items, listed[..taken], "{filter:?}, {start:?}, {earliest}, {limit}");
        assert_eq!(page.next, listed.get(taken).map(position), "{filter:?}, {start:?}, {earliest}, {limit}");
        let sizes: Vec<usize> =
            listed.iter().map(|record| resources::length(&resources::conversation(record)) + 1).collect();
        let encoded = resources::length_of_conversations(&page.items);
        Bounds { taken, limit, encoded, max_bytes: PAGE_BYTES, sizes: &sizes, tolerance: 1200 }.assert();
        (page.items.iter().map(|record| record.sid).collect(), page.next)
    }
}

fn filters() -> impl Iterator<Item = Filter> {
    [Filter::All, Filter::State(ConversationState::Active), Filter::State(ConversationState::Closed)]
        .into_iter()
        .chain((0..GUESTS).map(|guest| Filter::Identity(identity(guest))))
}

async fn every_page_of_conversations_is_the_part_of_the_list_next_to_its_position(store: Store) {
    check(proptest::collection::vec(change(), 0..36), async |changes| {
        let account = Account::new(&store, changes).await;
        let mut starts: Vec<Position> = account.records.iter().step_by(3).map(position).collect();
        starts.extend([-1, 0, SPAN / 2, SPAN].map(|at| Position::before(date(at))));
        for start in starts {
            for earliest in [-1, SPAN / 3, SPAN].map(date) {
                for filter in filters() {
                    for limit in [1, 4, 100] {
                        account.page(filter, start, earliest, limit).await;
                    }
                }
            }
        }
    });
}

async fn following_pages_of_conversations_lose_and_repeat_nothing(store: Store) {
    let case = (
        proptest::collection::vec(change(), 0..24),
        proptest::collection::vec(change(), 6),
        1..6_u32,
        0..SPAN,
    );
    check(case, async |(changes, meanwhile, limit, earliest)| {
        for filter in filters() {
            let mut account = Account::new(&store, changes.clone()).await;
            let mut meanwhile = meanwhile.clone();
            let (mut read, mut next) = (Vec::new(), Some(Position::before(date(SPAN))));
            while let Some(start) = next {
                let (page, after) = account.page(filter, start, date(earliest), limit).await;
                read.extend(page);
                next = after;
                if let Some(change) = meanwhile.pop() {
                    account.apply(change).await;
                }
            }
            let mut once = read.clone();
            once.sort_unstable_by_key(|sid| sid.to_bits());
            once.dedup();
            assert_eq!(once.len(), read.len(), "{filter:?}: repeated");
        }
    });
}
