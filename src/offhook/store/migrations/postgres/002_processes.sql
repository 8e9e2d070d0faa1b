-- phase: expand
-- What several processes over one log share.

-- Which log this is, for cursors that leave the house: a restored or copied one is another.
-- ``token_key`` signs what any process has to be able to check.
CREATE TABLE installation (
    generation bigint NOT NULL,
    token_key bytea NOT NULL
);
INSERT INTO installation (generation, token_key)
VALUES (
    ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint,
    decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);

-- Who takes part: the partitions are divided evenly among those who are alive.
CREATE TABLE member (
    consumer text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    until_ms bigint NOT NULL,
    PRIMARY KEY (consumer, owner)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Requests in any sliding second; null: as the settings say.
ALTER TABLE api_key ADD COLUMN rate_limit_per_s integer;

-- What each process may use of an endpoint's bounds (``kind``), where processes share its
-- partitions. ``counted`` is at least what is still in use of a share that shrank.
CREATE TABLE endpoint_share (
    webhook text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    allowed bigint NOT NULL,
    counted bigint NOT NULL,
    wanted bigint NOT NULL,
    since_ms bigint NOT NULL,
    asked_ms bigint NOT NULL,
    until_ms bigint NOT NULL,
    PRIMARY KEY (webhook, kind, owner)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- How each endpoint does, as all processes see it together: failures since the last success.
CREATE TABLE endpoint_health (
    webhook text COLLATE "C" PRIMARY KEY,
    failures bigint NOT NULL,
    failing_since_ms bigint,
    last_failure_ms bigint,
    last_success_ms bigint,
    updated_ms bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
