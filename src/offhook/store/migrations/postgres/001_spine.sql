-- phase: expand
-- The spine: the log, what it is folded into, who follows it, and what is delivered from it.

-- The database's own clock in Unix milliseconds, unless a test gives one.
CREATE FUNCTION offhook_now(given bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(given, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- One table a day, so that retention drops tables. ``previous`` is the position of the event before
-- it under the same key: the timeline of a key is a chain walked backwards from its head.
CREATE TABLE event (
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
    previous bigint,
    headers text,
    data bytea NOT NULL,
    PRIMARY KEY (partition, position, created_ms)
) PARTITION BY RANGE (created_ms);
CREATE INDEX event_id ON event (account, id);
-- Compressing what is read back a moment later costs more than the space it saves.
ALTER TABLE event ALTER COLUMN data SET STORAGE EXTERNAL;

-- The rows that appends lock, and the floor that retention writes: positions up to it are never
-- given again. An append does not update them: under a long foreign transaction the dead versions of
-- a counter cost two thirds of the speed.
CREATE TABLE partition_head (
    partition integer PRIMARY KEY,
    floor_position bigint NOT NULL,
    floor_created_ms bigint NOT NULL
);

-- Callers' own event ids, with the digest of the body and the event that answered it.
CREATE TABLE event_key (
    account text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE INDEX event_key_created ON event_key (created_ms);

-- Where each key stands that is no call's.
CREATE TABLE key_head (
    account text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    last_id text COLLATE "C" NOT NULL,
    last_type text COLLATE "C" NOT NULL,
    last_sequence bigint NOT NULL,
    last_position bigint NOT NULL,
    PRIMARY KEY (account, key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- A call's state, its last event, and what it is listed by. ``started_ms`` is 0 while the start is
-- unknown. Room in each page: an update that leaves the indexed columns alone stays in its page.
CREATE TABLE call (
    account text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    started_ms bigint NOT NULL,
    contact_number text COLLATE "C",
    duplicate boolean NOT NULL,
    test boolean NOT NULL,
    repeat_caller boolean,
    status text COLLATE "C" NOT NULL,
    outcome text COLLATE "C",
    campaign_id text COLLATE "C",
    buyer_id text COLLATE "C",
    caller_id text COLLATE "C",
    last_id text COLLATE "C" NOT NULL,
    last_type text COLLATE "C" NOT NULL,
    last_sequence bigint NOT NULL,
    last_position bigint NOT NULL,
    state bytea NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX call_started ON call (account, started_ms, id);
CREATE INDEX call_contact ON call (account, contact_number, started_ms, id, repeat_caller)
WHERE contact_number IS NOT NULL AND NOT duplicate AND NOT test;
-- While the table is empty, all indexes that could serve look alike to the planner, which takes the
-- newest, and a plan lasts for a session: so the newest is the one by id, and it cannot serve where
-- no id is given.
ALTER TABLE call ADD PRIMARY KEY (id, account);
ALTER TABLE call ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE timer (
    partition integer NOT NULL,
    account text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    due_ms bigint NOT NULL,
    PRIMARY KEY (account, key, kind)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX timer_due ON timer (partition, due_ms);

-- ``owner`` is null once the lease was given back; ``takeovers`` counts since the cursor moved.
CREATE TABLE lease (
    consumer text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    owner text COLLATE "C",
    epoch bigint NOT NULL,
    until_ms bigint NOT NULL,
    cursor bigint NOT NULL,
    takeovers integer NOT NULL,
    suspect bigint,
    PRIMARY KEY (consumer, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE account (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    config_version bigint NOT NULL
);

CREATE TABLE api_key (
    digest bytea PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    test boolean NOT NULL,
    scopes text NOT NULL
);

-- Everything that is configured: one document per object, whatever its kind. ``document`` is the
-- JSON as it was written.
CREATE TABLE resource (
    account text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    external_id text COLLATE "C",
    document text NOT NULL,
    disabled_reason text,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX resource_listed ON resource (account, kind, id);
CREATE UNIQUE INDEX resource_external_id ON resource (account, kind, external_id)
WHERE external_id IS NOT NULL;

CREATE TABLE webhook_secret (
    webhook text COLLATE "C" NOT NULL,
    created_ms bigint NOT NULL,
    secret text NOT NULL,
    expires_ms bigint,
    PRIMARY KEY (webhook, created_ms, secret)
);

-- The head of each partition when the webhook was made: it gets what comes after.
CREATE TABLE webhook_start (
    webhook text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (webhook, partition)
);

-- Deliveries that could not be made at once. ``due_ms`` is set in state ``retry`` alone.
CREATE TABLE pending (
    webhook text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    lane text COLLATE "C",
    state text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    due_ms bigint,
    since_ms bigint NOT NULL,
    reason text,
    PRIMARY KEY (webhook, partition, position)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX pending_position ON pending (partition, position, webhook);
CREATE INDEX pending_lane ON pending (partition, webhook, lane, state, position)
WHERE lane IS NOT NULL AND (state = 'retry' OR state = 'waiting');
CREATE INDEX pending_due ON pending (partition, webhook, due_ms, position)
WHERE due_ms IS NOT NULL;

-- One table a day, like the events.
CREATE TABLE attempt (
    webhook text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    started_ms bigint NOT NULL,
    duration_ms double precision NOT NULL,
    accepted boolean NOT NULL,
    status integer,
    error text,
    response bytea
) PARTITION BY RANGE (started_ms);
CREATE INDEX attempt_position ON attempt (partition, position, webhook, accepted);
CREATE INDEX attempt_webhook ON attempt (webhook, partition, position);

-- A cursor of its own for an endpoint that fell behind.
CREATE TABLE held (
    partition integer NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    from_position bigint NOT NULL,
    PRIMARY KEY (partition, webhook)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- What the outside asks of a delivery's owner. Ids are never used again.
CREATE TABLE dispatch_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX dispatch_request_partition ON dispatch_request (partition, id);

-- Whether the schema has a table of this name, as of what is committed now.
CREATE FUNCTION offhook_has_table(name text) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (
        SELECT 1 FROM pg_class
        JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
        WHERE pg_namespace.nspname = current_schema() AND pg_class.relname = name
    )
$$;

-- The table of a day (of ``begin_ms``), made and attached unless it is there: attaching does not
-- wait for readers, which CREATE TABLE ... PARTITION OF would. Who finds it there waits for nobody.
CREATE FUNCTION offhook_make_day(parent text, moment_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    begin_ms constant bigint := moment_ms - moment_ms % 86400000;
    name constant text := parent || to_char(
        to_timestamp(begin_ms / 1000) AT TIME ZONE 'UTC', '"_"YYYYMMDD'
    );
BEGIN
    IF offhook_has_table(name) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.' || parent));
    IF offhook_has_table(name) THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (LIKE %I INCLUDING STORAGE) WITH (toast_tuple_target = 8160)',
        name, parent
    );
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        parent, name, begin_ms, begin_ms + 86400000
    );
END
$$;
