-- The browser that the conversation was opened in, with the feature on: who asks for its identity again must be the same.
ALTER TABLE conversations ADD COLUMN fingerprint TEXT;

CREATE INDEX conversations_by_identity ON conversations (account_sid, identity, date_created);
