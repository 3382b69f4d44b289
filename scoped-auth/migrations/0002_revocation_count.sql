-- The id of the last revocation. Counted here, so that whoever revokes waits for this row until the revocation before
-- is committed: ids have no gaps, and no follower sees one before those below it.
CREATE TABLE revocation_count (
    last_id BIGINT NOT NULL
);

INSERT INTO revocation_count (last_id) SELECT COALESCE(MAX(id), 0) FROM revocations;
