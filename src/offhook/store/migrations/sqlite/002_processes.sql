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

-- What each process may use of an endpoint's bounds (``kind``), where processes share its
-- partitions. ``counted`` is at least what is still in use of a share that shrank.
CREATE TABLE endpoint_share (
    webhook TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    asked_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (webhook, kind, owner)
) STRICT, WITHOUT ROWID;

-- How each endpoint does, as all processes see it together: failures since the last success.
CREATE TABLE endpoint_health (
    webhook TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    failing_since_ms INTEGER,
    last_failure_ms INTEGER,
    last_success_ms INTEGER,
    updated_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
