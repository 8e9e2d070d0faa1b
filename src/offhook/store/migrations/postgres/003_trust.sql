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
