-- The day of the conversation's last message, in days since 1970: what its retention is counted from. No finer, so that
-- most messages leave this index as it is. -1: the conversation is nobody's any more, and its rows are being removed.
ALTER TABLE conversations ADD COLUMN last_day BIGINT NOT NULL DEFAULT 0;

UPDATE conversations SET last_day = COALESCE(
    (SELECT MAX(m.date_created) FROM messages m WHERE m.conversation_sid = conversations.sid), date_created
) / 86400000;

CREATE INDEX conversations_by_last_day ON conversations (last_day);
