-- phase: expand
-- Delivery that people trust with money: what failed when, what was let out of its lane, what is
-- sent again on somebody's word, and what is told of endpoints.

-- ``failed_ms`` is when this delivery failed first and closed its lane; ``late`` names the lane that
-- it was let out of, or put back into after later ones had gone; ``replay`` the job that sends it again.
ALTER TABLE pending ADD COLUMN failed_ms INTEGER;
ALTER TABLE pending ADD COLUMN late TEXT;
ALTER TABLE pending ADD COLUMN replay TEXT;
CREATE INDEX pending_failed ON pending (partition, webhook, failed_ms)
WHERE lane IS NOT NULL AND state = 'retry' AND failed_ms IS NOT NULL;
CREATE INDEX pending_late ON pending (partition, webhook, late)
WHERE lane IS NULL AND late IS NOT NULL AND state = 'retry';

-- ``detail`` is what else is known of an attempt, as JSON: headers and timings.
ALTER TABLE attempt ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN replay TEXT;
ALTER TABLE attempt ADD COLUMN detail BLOB;

-- What receivers verify by, where a secret is a pair of keys: open to anyone, and listed.
ALTER TABLE webhook_secret ADD COLUMN public_key TEXT;
CREATE INDEX webhook_secret_public ON webhook_secret (created_ms DESC) WHERE public_key IS NOT NULL;

-- By which configuration a process delivers; null until it has read one.
ALTER TABLE member ADD COLUMN config_version INTEGER;

-- Whether it was told of that the endpoint fails.
ALTER TABLE endpoint_health ADD COLUMN announced INTEGER NOT NULL DEFAULT 0;

-- Events about endpoints and deliveries, on their way to the log: written with what they tell of,
-- gone once they stand in it. ``event_id`` is the same however often one is handed over.
CREATE TABLE announcement (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    partition INTEGER NOT NULL,
    account TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    test INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX announcement_partition ON announcement (partition, id);

-- With what an account's masked endpoints get contacts' hashes: 32 random bytes.
ALTER TABLE account ADD COLUMN hash_key BLOB NOT NULL DEFAULT x'';
UPDATE account SET hash_key = randomblob(32);

-- Events that an endpoint's filter could not be evaluated on: how many, and the last one.
CREATE TABLE filter_fault (
    webhook TEXT PRIMARY KEY,
    errors INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    last_event TEXT NOT NULL,
    last_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Positions up to this one are no longer in the log: retention took them.
ALTER TABLE partition_head ADD COLUMN trimmed_position INTEGER NOT NULL DEFAULT 0;

-- Events that went from the log while rows of deliveries still name them; they go after the rows.
CREATE TABLE event_kept (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    test INTEGER NOT NULL,
    historical INTEGER NOT NULL,
    headers TEXT,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX event_kept_id ON event_kept (account, id);
CREATE INDEX event_kept_key ON event_kept (account, key);
CREATE INDEX pending_given_up ON pending (since_ms) WHERE state = 'failed' OR state = 'canceled';

-- What somebody asked to have sent again: not changed any more, but for being canceled. ``scope``
-- says which deliveries: failed, undelivered, all.
CREATE TABLE replay (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    webhook TEXT NOT NULL,
    scope TEXT NOT NULL,
    since_ms INTEGER,
    until_ms INTEGER,
    types TEXT,
    rate_per_s REAL NOT NULL,
    created_ms INTEGER NOT NULL,
    canceled_ms INTEGER,
    reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_listed ON replay (account, id);
CREATE INDEX replay_webhook ON replay (webhook, id);
CREATE INDEX replay_made ON replay (created_ms);

-- How far a replay is in a partition, and what came of it there; ``done`` once all of it is settled.
-- Written by the partition's owner with what it decided.
CREATE TABLE replay_range (
    replay TEXT NOT NULL,
    partition INTEGER NOT NULL,
    webhook TEXT NOT NULL,
    from_position INTEGER NOT NULL,
    position INTEGER NOT NULL,
    to_position INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    hurried INTEGER NOT NULL,
    done INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (replay, partition)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_range_open ON replay_range (partition, replay) WHERE done = 0;
CREATE INDEX replay_range_webhook ON replay_range (webhook) WHERE done = 0;

-- What a replay waits for has a slice of its own: it never stands before what is due otherwise.
DROP INDEX pending_due;
CREATE INDEX pending_due ON pending (partition, webhook, due_ms, position)
WHERE due_ms IS NOT NULL AND replay IS NULL;
CREATE INDEX pending_replay ON pending (partition, replay, due_ms, position)
WHERE replay IS NOT NULL;
CREATE INDEX dispatch_request_delivery ON dispatch_request (webhook, partition, position);

-- Attempts of each endpoint, by minute (since the epoch), first digit of the status (0: no answer)
-- and bucket of latency: what stats are read from, however many attempts there were.
CREATE TABLE endpoint_minute (
    webhook TEXT NOT NULL,
    minute INTEGER NOT NULL,
    class INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (webhook, minute, class, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_minute_old ON endpoint_minute (minute);
CREATE INDEX pending_live ON pending (webhook, partition, position)
WHERE state = 'retry' OR state = 'waiting';

-- The fingerprint of the key that secrets are sealed with; null while they stand as they are.
ALTER TABLE installation ADD COLUMN sealed_with TEXT;
