-- TEXT and BIGINT alone, and no expression of one dialect: the same file is to run on SQLite and on PostgreSQL.
-- Dates are milliseconds since 1970 in UTC.

CREATE TABLE conversations (
    sid TEXT NOT NULL PRIMARY KEY,
    account_sid TEXT NOT NULL,
    address_sid TEXT NOT NULL,
    session_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    customer_friendly_name TEXT,
    -- JSON.
    pre_engagement_data TEXT,
    -- The index of the next message. Counted here, so that writers of one conversation wait for its row.
    next_index BIGINT NOT NULL,
    date_created BIGINT NOT NULL,
    -- A session has one conversation.
    UNIQUE (account_sid, session_id)
);

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
