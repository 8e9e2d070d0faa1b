-- phase: expand
-- What several processes over one log share.

-- Which log this is, for cursors that leave the house: a restored or copied one is another.
-- ``token_key`` signs what any process has to be able to check.
CREATE TABLE installation (
    generation INTEGER NOT NULL,
    token_key BLOB NOT NULL
) STRICT;
INSERT INTO installation (generation, token_key) VALUES (abs(random() % 281474976710656), randomblob(32));

-- Who takes part: the partitions are divided evenly among those who are alive.
CREATE TABLE member (
    consumer TEXT NOT NULL,
    owner TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (consumer, owner)
) STRICT, WITHOUT ROWID;

-- Requests in any sliding second; null: as the settings say.
ALTER TABLE api_key ADD COLUMN rate_limit_per_s INTEGER;
