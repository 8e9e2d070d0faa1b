CREATE TABLE IF NOT EXISTS receiver_event (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    lane text NOT NULL,
    body bytea,
    attempts integer NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'waiting',
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS receiver_event_waiting ON receiver_event (lane, place) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS receiver_event_dead ON receiver_event (place) WHERE state = 'dead';
CREATE INDEX IF NOT EXISTS receiver_event_done ON receiver_event (changed_at) WHERE state = 'handled';
-- One row for each lane with events that wait: taking it is taking its first event.
CREATE TABLE IF NOT EXISTS receiver_lane (
    lane text PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT now(),
    holder text
);
CREATE INDEX IF NOT EXISTS receiver_lane_due ON receiver_lane (due_at);
