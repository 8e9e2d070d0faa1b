-- phase: expand
-- The spine: the log, what it is folded into, who follows it, and what is delivered from it.

-- One partition, number 0: ``position`` is the rowid, so that an append is a write at the end.
-- ``previous`` is the position of the event before it under the same key: the timeline of a key is
-- a chain walked backwards from its head. An index on key, inserted at random, cost a third of the
-- append.
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    test INTEGER NOT NULL,
    historical INTEGER NOT NULL,
    previous INTEGER,
    headers TEXT,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX event_id ON event (account, id);

-- What retention took away: positions up to the floor are never given again.
CREATE TABLE partition_head (
    partition INTEGER PRIMARY KEY,
    floor_position INTEGER NOT NULL,
    floor_created_ms INTEGER NOT NULL
) STRICT;

-- Callers' own event ids, with the digest of the body and the event that answered it.
CREATE TABLE event_key (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

-- Where each key stands that is no call's.
CREATE TABLE key_head (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    last_id TEXT NOT NULL,
    last_type TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

-- A call's state, its last event, and what it is listed by. A rowid table on purpose: clustering by
-- a hashed id cost three quarters of the speed. ``started_ms`` is 0 while the start is unknown.
CREATE TABLE call (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    contact_number TEXT,
    duplicate INTEGER NOT NULL,
    test INTEGER NOT NULL,
    repeat_caller INTEGER,
    status TEXT NOT NULL,
    outcome TEXT,
    campaign_id TEXT,
    buyer_id TEXT,
    caller_id TEXT,
    last_id TEXT NOT NULL,
    last_type TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX call_id ON call (account, id);
CREATE INDEX call_started ON call (account, started_ms, id);
CREATE INDEX call_contact ON call (account, contact_number, started_ms, id, repeat_caller)
WHERE contact_number IS NOT NULL AND duplicate = 0 AND test = 0;

CREATE TABLE timer (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    PRIMARY KEY (account, key, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_ms);

-- ``owner`` is null once the lease was given back; ``takeovers`` counts since the cursor moved.
CREATE TABLE lease (
    consumer TEXT NOT NULL,
    partition INTEGER NOT NULL,
    owner TEXT,
    epoch INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    takeovers INTEGER NOT NULL,
    suspect INTEGER,
    PRIMARY KEY (consumer, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    config_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    digest BLOB PRIMARY KEY,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    test INTEGER NOT NULL,
    scopes TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Everything that is configured: one document per object, whatever its kind.
CREATE TABLE resource (
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    external_id TEXT,
    document TEXT NOT NULL,
    disabled_reason TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX resource_id ON resource (kind, id);
CREATE INDEX resource_listed ON resource (account, kind, id);
CREATE UNIQUE INDEX resource_external_id ON resource (account, kind, external_id)
WHERE external_id IS NOT NULL;

CREATE TABLE webhook_secret (
    webhook TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    secret TEXT NOT NULL,
    expires_ms INTEGER,
    PRIMARY KEY (webhook, created_ms, secret)
) STRICT, WITHOUT ROWID;

-- The head of each partition when the webhook was made: it gets what comes after.
CREATE TABLE webhook_start (
    webhook TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (webhook, partition)
) STRICT, WITHOUT ROWID;

-- Deliveries that could not be made at once. ``due_ms`` is set in state ``retry`` alone.
CREATE TABLE pending (
    webhook TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    account TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    key TEXT NOT NULL,
    lane TEXT,
    state TEXT NOT NULL,
    number INTEGER NOT NULL,
    due_ms INTEGER,
    since_ms INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (webhook, partition, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_position ON pending (partition, position, webhook);
CREATE INDEX pending_lane ON pending (partition, webhook, lane, state, position)
WHERE lane IS NOT NULL AND (state = 'retry' OR state = 'waiting');
CREATE INDEX pending_due ON pending (partition, webhook, due_ms, position)
WHERE due_ms IS NOT NULL;

CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    webhook TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    account TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    duration_ms REAL NOT NULL,
    accepted INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    response BLOB
) STRICT;
CREATE INDEX attempt_position ON attempt (partition, position, webhook, accepted);
CREATE INDEX attempt_webhook ON attempt (webhook, partition, position);

-- A cursor of its own for an endpoint that fell behind.
CREATE TABLE held (
    partition INTEGER NOT NULL,
    webhook TEXT NOT NULL,
    from_position INTEGER NOT NULL,
    PRIMARY KEY (partition, webhook)
) STRICT, WITHOUT ROWID;

-- What the outside asks of a delivery's owner. Ids are never used again.
CREATE TABLE dispatch_request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    webhook TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL
) STRICT;
CREATE INDEX dispatch_request_partition ON dispatch_request (partition, id);
