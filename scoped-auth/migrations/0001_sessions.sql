-- TEXT and BIGINT alone, and no expression of one dialect: the same file is to run on SQLite and on PostgreSQL.
-- Dates are milliseconds since 1970 in UTC.

-- Sessions whose token has been refreshed. A session that never was has no row: its generation is 0.
CREATE TABLE sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    -- The generation of the newest token.
    generation BIGINT NOT NULL,
    -- When it was made.
    advanced_at BIGINT NOT NULL,
    -- When the session ends, and the row may go.
    ends_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE revocations (
    -- Counted without gaps, so that a replica that has seen one has seen all before it.
    id BIGINT NOT NULL PRIMARY KEY,
    -- session | identity | deployment | account
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Sessions that began up to then are dead.
    revoked_at BIGINT NOT NULL,
    -- When the last such token has died by itself, and the row may go.
    forget_at BIGINT NOT NULL
);

CREATE INDEX revocations_by_end ON revocations (forget_at);
