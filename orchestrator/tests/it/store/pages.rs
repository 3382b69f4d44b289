//! Pages of messages are bounded by their encoded size in bytes.

use conversations::Range;
use shared_types::{
    json,
    orchestrator::{
        list_messages::{PAGE, PAGE_BYTES, Response},
        send_message::MAX_BODY,
    },
};

use crate::store::{ACCOUNT, Store, conversation, identity};

test_support::on_both_engines! {
    Store:
    pages_end_before_the_message_that_exceeds_the_limit,
    a_message_longer_than_a_page_is_its_own_page,
}

async fn pages_end_before_the_message_that_exceeds_the_limit(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    // These characters take one, two, two and four bytes in a response.
    let mut texts = vec!["Welcome!".to_owned()];
    for n in 0..60 {
        let text = ["x", "\n", "é", "\u{1f600}"][n % 4].repeat(1 + (n * 997) % (MAX_BODY / 8));
        store.say(identity(1), sid, 100 + n as u128, &text).await.unwrap();
        texts.push(text);
    }
    let (mut read, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page =
            store.conversations.messages(ACCOUNT, identity(1), sid, Range::After(after), PAGE).await.unwrap();
        let Response { messages: page, last_index, state } = page.unwrap();
        assert_eq!(last_index, Some(60), "on every page");
        let Some(last) = page.last() else { break };
        after = Some(last.index);
        let length = json::to_vec(&Response { messages: page.clone(), last_index, state }).unwrap().len();
        assert!(length <= PAGE_BYTES, "{length}");
        let next =
            store.conversations.messages(ACCOUNT, identity(1), sid, Range::After(after), 1).await.unwrap();
        let next = next.unwrap().messages;
        let messages = [page.clone(), next.clone()].concat();
        let more = json::to_vec(&Response { messages, last_index, state }).unwrap().len();
        // The rest is for the response's other members, and digits of indexes.
        assert!(next.is_empty() || more > PAGE_BYTES - 1024, "{more}: the next message would have fit");
        pages += 1;
        read.extend(page);
    }
    assert!((3..30).contains(&pages), "{pages}");
    assert_eq!(
        read.iter().map(|message| message.index as usize).collect::<Vec<_>>(),
        (0..=60).collect::<Vec<_>>()
    );
    assert!(read.iter().map(|message| &message.body).eq(&texts));
}

async fn a_message_longer_than_a_page_is_its_own_page(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let quotes = "\"".repeat(MAX_BODY);
    for n in 2..5 {
        store.say(identity(1), sid, n, &quotes).await.unwrap();
    }
    let indexes = async |after| -> Vec<u32> {
        let page =
            store.conversations.messages(ACCOUNT, identity(1), sid, Range::After(after), PAGE).await.unwrap();
        let Response { messages: page, last_index, .. } = page.unwrap();
        assert_eq!(last_index, Some(3));
        page.iter().map(|message| message.index).collect()
    };
    assert_eq!(indexes(None).await, [0]);
    assert_eq!(indexes(Some(0)).await, [1]);
    assert_eq!(indexes(Some(1)).await, [2]);
    assert_eq!(indexes(Some(2)).await, [3]);
    assert!(indexes(Some(3)).await.is_empty());
}
