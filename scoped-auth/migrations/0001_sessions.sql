-- TEXT and BIGINT only, and no expression of one dialect: the same file runs on SQLite and on PostgreSQL.
-- Dates are milliseconds since 1970 in UTC.

-- Sessions whose token was refreshed: what their current token has and the tokens before it have not, so that it can be
-- made again from any of them. A session that was never refreshed has no row: its generation is 0.
CREATE TABLE sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    -- Generation of the current token.
    generation BIGINT NOT NULL,
    -- The generation that was current before; less than `generation` - 1 after an older copy of the store was restored.
    replaced BIGINT NOT NULL,
    -- When the current token was made: its `iat` and `nbf`, and the start of the grace.
    advanced_at BIGINT NOT NULL,
    -- Its `exp`.
    expires_at BIGINT NOT NULL,
    -- The browser that it is bound to, and the browser that the session began with where that is another.
    fingerprint TEXT,
    first_fingerprint TEXT,
    -- How often it was handed out again.
    repeats BIGINT NOT NULL,
    -- 1 once it was presented: its answer has arrived.
    shown BIGINT NOT NULL,
    -- When the session ends and the row may be deleted.
    ends_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE revocations (
    -- Counted without gaps: a replica that has read one has read all before it.
    id BIGINT NOT NULL PRIMARY KEY,
    -- session | identity | deployment | account
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Sessions that began up to then are revoked.
    revoked_at BIGINT NOT NULL,
    -- When the last such token has expired. The row stays longer: identities of revoked sessions are not granted again.
    forget_at BIGINT NOT NULL
);

CREATE INDEX revocations_by_end ON revocations (forget_at);
CREATE INDEX revocations_by_subject ON revocations (kind, subject);

-- The id of the last revocation. Revoking locks this row, so ids have no gaps and commit in their order.
CREATE TABLE revocation_count (
    last_id BIGINT NOT NULL
);

INSERT INTO revocation_count (last_id) VALUES (0);
