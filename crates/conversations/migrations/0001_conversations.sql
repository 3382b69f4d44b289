-- TEXT and BIGINT only, and no expression of one dialect: the same file runs on SQLite and on PostgreSQL.
-- Dates are milliseconds since 1970 in UTC.

CREATE TABLE conversations (
    sid TEXT NOT NULL PRIMARY KEY,
    account_sid TEXT NOT NULL,
    deployment_key TEXT NOT NULL,
    address_sid TEXT NOT NULL,
    session_id TEXT NOT NULL,
    -- When the session began, and the thumbprint of its proof key if it has one: an identity is granted again to the
    -- holder of that key only.
    auth_time BIGINT NOT NULL,
    jkt TEXT,
    -- When the guest ended the session.
    session_ended_at BIGINT,
    -- 1 for the session's first conversation. A session has at most one that is open and not full, its newest.
    session_number BIGINT NOT NULL,
    identity TEXT NOT NULL,
    customer_friendly_name TEXT,
    -- JSON.
    pre_engagement_data TEXT,
    -- The index of the next message. Counted here, so that writers of one conversation wait for its row.
    next_index BIGINT NOT NULL,
    -- The number of the next event for webhooks.
    next_event BIGINT NOT NULL,
    -- `active`, or `closed`, which is final.
    state TEXT NOT NULL,
    -- What the desk set: a name, and a JSON object.
    friendly_name TEXT,
    attributes TEXT,
    -- How many messages the guest wrote, and how many bytes they, the name and the form have.
    guest_messages BIGINT NOT NULL,
    guest_bytes BIGINT NOT NULL,
    -- How long all messages are together in answers, as JSON, at most.
    encoded_bytes BIGINT NOT NULL,
    -- How long the conversation is in a list of the desk, as JSON, at most.
    desk_bytes BIGINT NOT NULL,
    date_created BIGINT NOT NULL,
    date_updated BIGINT NOT NULL,
    -- The day of the last message, in days since 1970, from which retention is counted. No finer, so that most messages
    -- leave its index as it is. -1: the conversation is being removed, and belongs to no account and no identity any more.
    last_day BIGINT NOT NULL,
    UNIQUE (account_sid, session_id, session_number)
);

-- The desk's lists: of a guest, of a state, and of an account. The last is created last: of indexes that SQLite estimates
-- alike it takes the first one, and this one would search all conversations of the account for those in a state.
CREATE INDEX conversations_by_identity ON conversations (account_sid, identity, date_created, sid);

CREATE INDEX conversations_by_state ON conversations (account_sid, state, date_created, sid);

CREATE INDEX conversations_by_date ON conversations (account_sid, date_created, sid);

CREATE INDEX conversations_by_last_day ON conversations (account_sid, last_day);

CREATE TABLE messages (
    sid TEXT NOT NULL PRIMARY KEY,
    conversation_sid TEXT NOT NULL REFERENCES conversations (sid),
    message_index BIGINT NOT NULL,
    -- What `encoded_bytes` of the conversation was with this message: the difference between two of them is how long the
    -- messages between are in an answer. Before the text: where a text is so long that it is stored elsewhere (overflow
    -- pages, TOAST), it is not read to find out that it does not fit.
    encoded_end BIGINT NOT NULL,
    -- How long the message is in a list of the desk, as JSON, at most.
    desk_bytes BIGINT NOT NULL,
    -- Who wrote it: `guest`, `desk` or `system`. Never derived from the author.
    side TEXT NOT NULL,
    -- An identity, the name that the desk gave, or `system`.
    author TEXT NOT NULL,
    -- Digest of the writer and its idempotency key, if it gave one. Kept as long as the message.
    idempotency_key TEXT,
    date_created BIGINT NOT NULL,
    date_updated BIGINT NOT NULL,
    -- The desk's JSON object.
    attributes TEXT,
    -- Empty: erased.
    body TEXT NOT NULL,
    UNIQUE (conversation_sid, message_index),
    UNIQUE (conversation_sid, idempotency_key)
);

-- Guests that an operator erased: their sessions are rejected for the retention.
CREATE TABLE erased_guests (
    account_sid TEXT NOT NULL,
    identity TEXT NOT NULL,
    date_erased BIGINT NOT NULL,
    PRIMARY KEY (account_sid, identity)
);

-- The outbox: events that a webhook's endpoint has not accepted yet. Ids and types, no text.
CREATE TABLE webhook_events (
    -- Digest of the account and the URL.
    endpoint TEXT NOT NULL,
    conversation_sid TEXT NOT NULL,
    -- The event's number in its conversation, the same for all endpoints.
    event_number BIGINT NOT NULL,
    account_sid TEXT NOT NULL,
    event_type TEXT NOT NULL,
    message_sid TEXT,
    date_created BIGINT NOT NULL,
    -- When it began to wait: its creation, or the last replay.
    waiting_since BIGINT NOT NULL,
    -- Failed attempts.
    attempts BIGINT NOT NULL,
    -- Not to be sent before. A lease is an attempt in progress: it sets this to its end. The maximum while an earlier
    -- event of the conversation blocks this one.
    next_attempt BIGINT NOT NULL,
    -- How long it blocks later events of its conversation: the maximum until it has failed once, then five minutes more.
    -- 0 once those were released.
    blocks_until BIGINT NOT NULL,
    -- `pending`, or `failed`: not sent again unless it is replayed.
    state TEXT NOT NULL,
    PRIMARY KEY (endpoint, conversation_sid, event_number)
);

CREATE INDEX webhook_events_by_attempt ON webhook_events (endpoint, state, next_attempt);

CREATE INDEX webhook_events_by_age ON webhook_events (endpoint, state, waiting_since, conversation_sid, event_number);

CREATE INDEX webhook_events_by_conversation ON webhook_events (conversation_sid);

CREATE INDEX webhook_events_failing ON webhook_events (endpoint, blocks_until)
WHERE blocks_until < 9223372036854775807;

-- Endpoints whose last attempt failed.
CREATE TABLE webhook_endpoints (
    endpoint TEXT NOT NULL PRIMARY KEY,
    -- Failures in a row.
    failures BIGINT NOT NULL,
    -- When an endpoint with many failures gets its next attempt.
    next_probe BIGINT NOT NULL
);
