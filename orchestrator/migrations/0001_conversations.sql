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
    identity TEXT NOT NULL,
    customer_friendly_name TEXT,
    -- JSON.
    pre_engagement_data TEXT,
    -- The index of the next message. Counted here, so that writers of one conversation wait for its row.
    next_index BIGINT NOT NULL,
    date_created BIGINT NOT NULL,
    -- The day of the last message, in days since 1970: the retention starts there. No finer, so that most messages leave
    -- the index as it is. -1: the conversation belongs to nobody any more, and its rows are being deleted.
    last_day BIGINT NOT NULL,
    -- A session has one conversation.
    UNIQUE (account_sid, session_id)
);

CREATE INDEX conversations_by_identity ON conversations (account_sid, identity, date_created);
CREATE INDEX conversations_by_last_day ON conversations (last_day);

CREATE TABLE messages (
    sid TEXT NOT NULL PRIMARY KEY,
    conversation_sid TEXT NOT NULL REFERENCES conversations (sid),
    message_index BIGINT NOT NULL,
    -- An identity, or `system`.
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    date_created BIGINT NOT NULL,
    UNIQUE (conversation_sid, message_index)
);
