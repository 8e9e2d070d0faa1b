-- phase: expand
-- Delivery that people trust with money: what failed when, what was let out of its lane, what is
-- sent again on somebody's word, and what is told of endpoints.

-- ``failed_ms`` is when this delivery failed first and closed its lane; ``late`` names the lane that
-- it was let out of, or put back into after later ones had gone; ``replay`` the job that sends it again.
ALTER TABLE pending ADD COLUMN failed_ms bigint;
ALTER TABLE pending ADD COLUMN late text COLLATE "C";
ALTER TABLE pending ADD COLUMN replay text COLLATE "C";
CREATE INDEX pending_failed ON pending (partition, webhook, failed_ms)
WHERE lane IS NOT NULL AND state = 'retry' AND failed_ms IS NOT NULL;
CREATE INDEX pending_late ON pending (partition, webhook, late)
WHERE lane IS NULL AND late IS NOT NULL AND state = 'retry';

-- ``detail`` is what else is known of an attempt, as JSON: headers and timings.
ALTER TABLE attempt ADD COLUMN late boolean NOT NULL DEFAULT false;
ALTER TABLE attempt ADD COLUMN replay text COLLATE "C";
ALTER TABLE attempt ADD COLUMN detail bytea;

-- What receivers verify by, where a secret is a pair of keys: open to anyone, and listed.
ALTER TABLE webhook_secret ADD COLUMN public_key text;
CREATE INDEX webhook_secret_public ON webhook_secret (created_ms DESC) WHERE public_key IS NOT NULL;

-- By which configuration a process delivers; null until it has read one.
ALTER TABLE member ADD COLUMN config_version bigint;

-- Whether it was told of that the endpoint fails.
ALTER TABLE endpoint_health ADD COLUMN announced boolean NOT NULL DEFAULT false;

-- Events about endpoints and deliveries, on their way to the log: written with what they tell of,
-- gone once they stand in it. ``event_id`` is the same however often one is handed over.
CREATE TABLE announcement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition integer NOT NULL,
    account text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    test boolean NOT NULL,
    data bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX announcement_partition ON announcement (partition, id);

-- With what an account's masked endpoints get contacts' hashes: 32 random bytes.
ALTER TABLE account ADD COLUMN hash_key bytea NOT NULL
DEFAULT sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea);

-- Events that an endpoint's filter could not be evaluated on: how many, and the last one.
CREATE TABLE filter_fault (
    webhook text COLLATE "C" PRIMARY KEY,
    errors bigint NOT NULL,
    last_error text NOT NULL,
    last_event text COLLATE "C" NOT NULL,
    last_ms bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Positions up to this one are no longer in the log: retention took them.
ALTER TABLE partition_head ADD COLUMN trimmed_position bigint NOT NULL DEFAULT 0;

-- Events that went from the log while rows of deliveries still name them; they go after the rows.
CREATE TABLE event_kept (
    partition integer NOT NULL,
    position bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    created_ms bigint NOT NULL,
    test boolean NOT NULL,
    historical boolean NOT NULL,
    headers text,
    data bytea NOT NULL,
    PRIMARY KEY (partition, position)
);
CREATE INDEX event_kept_id ON event_kept (account, id);
CREATE INDEX event_kept_key ON event_kept (account, key);
ALTER TABLE event_kept ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX pending_given_up ON pending (since_ms) WHERE state = 'failed' OR state = 'canceled';

-- The first and last position of each partition in the table of a day, attached or not.
CREATE FUNCTION offhook_day_ends(name text)
RETURNS TABLE (partition integer, first_position bigint, last_position bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT head.partition, front.position, back.position FROM partition_head AS head '
        'CROSS JOIN LATERAL (SELECT own.position FROM %1$I AS own '
        'WHERE own.partition = head.partition ORDER BY own.position LIMIT 1) AS front '
        'CROSS JOIN LATERAL (SELECT own.position FROM %1$I AS own '
        'WHERE own.partition = head.partition ORDER BY own.position DESC LIMIT 1) AS back '
        'ORDER BY head.partition',
        name
    );
END
$$;

-- Keeps what rows of deliveries name of a day's events in (``after``, ``through``] of a partition, a
-- bounded number of positions at a time; returns the last one looked at, null once none is left.
CREATE FUNCTION offhook_keep_events(
    name text, part integer, after bigint, through bigint, most bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    reached bigint;
BEGIN
    EXECUTE format(
        'WITH named AS (SELECT DISTINCT own.position FROM pending AS own WHERE own.partition = $1 '
        'AND own.position > $2 AND own.position <= $3 ORDER BY own.position LIMIT $4), '
        'kept AS (INSERT INTO event_kept SELECT own.partition, own.position, own.id, own.account, '
        'own.type, own.key, own.sequence, own.created_ms, own.test, own.historical, own.headers, '
        'own.data FROM named CROSS JOIN LATERAL (SELECT * FROM %I AS event '
        'WHERE event.partition = $1 AND event.position = named.position LIMIT 1) AS own '
        'ON CONFLICT DO NOTHING) '
        'SELECT max(position) FROM named',
        name
    ) INTO reached USING part, after, through, most;
    RETURN reached;
END
$$;

-- Takes away rows that replays gave up, of deliveries that the table of a day says were accepted: a
-- bounded number at a time, of positions in [``first``, ``last``] of a partition; returns how many.
CREATE FUNCTION offhook_forget_accepted(
    name text, part integer, first bigint, last bigint, most bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    EXECUTE format(
        'DELETE FROM pending USING (SELECT own.webhook, own.position FROM pending AS own '
        'WHERE own.partition = $1 AND own.replay IS NOT NULL '
        'AND (own.state = ''failed'' OR own.state = ''canceled'') '
        'AND own.position >= $2 AND own.position <= $3 '
        'AND EXISTS (SELECT 1 FROM %I AS attempt WHERE attempt.partition = $1 '
        'AND attempt.position = own.position AND attempt.webhook = own.webhook '
        'AND attempt.accepted OFFSET 0) LIMIT $4 FOR UPDATE OF own SKIP LOCKED) AS given_up '
        'WHERE pending.webhook = given_up.webhook AND pending.partition = $1 '
        'AND pending.position = given_up.position',
        name
    ) USING part, first, last, most;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

-- What somebody asked to have sent again: not changed any more, but for being canceled. ``scope``
-- says which deliveries: failed, undelivered, all.
CREATE TABLE replay (
    id text COLLATE "C" PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    since_ms bigint,
    until_ms bigint,
    types text,
    rate_per_s double precision NOT NULL,
    created_ms bigint NOT NULL,
    canceled_ms bigint,
    reason text
);
CREATE INDEX replay_listed ON replay (account, id);
CREATE INDEX replay_webhook ON replay (webhook, id);
CREATE INDEX replay_made ON replay (created_ms);

-- How far a replay is in a partition, and what came of it there; ``done`` once all of it is settled.
-- Written by the partition's owner with what it decided.
CREATE TABLE replay_range (
    replay text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    from_position bigint NOT NULL,
    position bigint NOT NULL,
    to_position bigint NOT NULL,
    matched bigint NOT NULL,
    accepted bigint NOT NULL,
    failed bigint NOT NULL,
    hurried bigint NOT NULL,
    done boolean NOT NULL,
    updated_ms bigint NOT NULL,
    PRIMARY KEY (replay, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE INDEX replay_range_open ON replay_range (partition, replay) WHERE NOT done;
CREATE INDEX replay_range_webhook ON replay_range (webhook) WHERE NOT done;

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
    webhook text COLLATE "C" NOT NULL,
    minute integer NOT NULL,
    class smallint NOT NULL,
    bucket smallint NOT NULL,
    attempts bigint NOT NULL,
    PRIMARY KEY (webhook, minute, class, bucket)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX endpoint_minute_old ON endpoint_minute (minute);
-- Its condition is written so that lanes are not looked up by it: see the key of ``call``.
CREATE INDEX pending_live ON pending (webhook, partition, position)
WHERE (state = ANY ('{retry,waiting}')) IS TRUE;

-- The fingerprint of the key that secrets are sealed with; null while they stand as they are.
ALTER TABLE installation ADD COLUMN sealed_with text;
