//! Writes what the database holds of a guest: JSON, and a readable transcript.

use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _, stdout},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use chrono::{DateTime, SecondsFormat, Utc};
use conversations::{ConversationRecord, Conversations, Filter, MessageRange, MessageRecord, Position};
use serde_json::{Value, json};
use service_runtime::{Clock, command::StartError};
use shared_types::{AccountSid, Identity, desk::MAX_PAGE};

/// Writes `OUTPUT.json` and `OUTPUT.txt`, readable by their owner only. Conversations are written one by one, oldest
/// pages last, so that memory stays bounded.
pub(super) async fn export(
    conversations: &Conversations,
    account: AccountSid,
    identity: Identity,
    output: &Path,
) -> Result<(), StartError> {
    let now = Clock::system().now();
    let (mut document, mut transcript) = (create(output, "json")?, create(output, "txt")?);
    let head = json!({"account_sid": account, "identity": identity, "date_exported": date(now)}).to_string();
    // The object is left open for its last member.
    write!(document, "{},\"conversations\":[", head.trim_end_matches('}'))?;
    writeln!(transcript, "Guest {identity} of account {account}, exported {}", date(now))?;
    let (mut count, mut next) = (0, Some(Position::before(now)));
    while let Some(start) = next {
        let filter = Filter::Identity(identity);
        let page =
            conversations.list_conversations(account, filter, start, DateTime::UNIX_EPOCH, MAX_PAGE).await?;
        for conversation in page.items {
            let messages = messages(conversations, &conversation).await?;
            let comma = if count > 0 { "," } else { "" };
            write!(document, "{comma}\n{}", json_of(&conversation, &messages))?;
            transcript.write_all(text_of(&conversation, &messages).as_bytes())?;
            count += 1;
        }
        next = page.next;
    }
    writeln!(document, "]}}")?;
    for mut file in [document, transcript] {
        file.flush()?;
        file.get_ref().sync_all()?;
    }
    let plural = if count == 1 { "" } else { "s" };
    Ok(writeln!(stdout(), "{count} conversation{plural} exported")?)
}

fn create(output: &Path, extension: &str) -> Result<BufWriter<File>, StartError> {
    // Appended, not replaced: a name may contain a dot.
    let mut path = output.as_os_str().to_owned();
    path.push(format!(".{extension}"));
    let create =
        || -> io::Result<_> { OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) };
    let file = create().map_err(|error| format!("{}: {error}", Path::new(&path).display()))?;
    Ok(BufWriter::new(file))
}

async fn messages(
    conversations: &Conversations,
    conversation: &ConversationRecord,
) -> Result<Vec<MessageRecord>, StartError> {
    let (mut messages, mut next) = (Vec::new(), Some(0));
    while let Some(start) = next {
        let range = MessageRange::Ascending(start);
        let page = conversations.desk_messages(conversation.sid, range, MAX_PAGE).await?;
        messages.extend(page.items);
        next = page.next;
    }
    Ok(messages)
}

fn json_of(conversation: &ConversationRecord, messages: &[MessageRecord]) -> Value {
    let message = |message: &MessageRecord| {
        json!({
            "sid": message.sid,
            "index": message.index,
            "side": message.side,
            "author": message.author,
            "body": message.body,
            "attributes": parsed(message.attributes.as_deref()),
            "date_created": date(message.date_created),
            "date_updated": date(message.date_updated),
        })
    };
    json!({
        "sid": conversation.sid,
        "state": conversation.state,
        "friendly_name": conversation.friendly_name,
        "attributes": conversation.all_attributes(),
        "date_created": date(conversation.date_created),
        "date_updated": date(conversation.date_updated),
        "messages": messages.iter().map(message).collect::<Vec<_>>(),
    })
}

/// `2026-11-21 02:14:40 guest: text`, further lines of the text indented.
fn text_of(conversation: &ConversationRecord, messages: &[MessageRecord]) -> String {
    let (opened, state) = (date(conversation.date_created), conversation.state.as_str());
    let mut text = format!("\nConversation {}, opened {opened}, {state}\n", conversation.sid);
    for (member, value) in conversation.all_attributes() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {member}: {value}");
    }
    text.push('\n');
    for message in messages {
        let time = message.date_created.format("%Y-%m-%d %H:%M:%S");
        let author = match message.side.as_str() {
            side if side == message.author => side.to_owned(),
            side => format!("{side} ({})", message.author),
        };
        let body = if message.body.is_empty() { "[erased]" } else { &message.body };
        let body = body.lines().collect::<Vec<_>>().join("\n    ");
        let _ = writeln!(text, "{time} {author}: {body}");
    }
    text
}

fn parsed(attributes: Option<&str>) -> Value {
    attributes.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!({}))
}

fn date(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::Millis, true)
}
