-- AUTOINCREMENT: a place freed by forgetting must never be given to a later event, or it would jump its lane.
CREATE TABLE IF NOT EXISTS receiver_event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    body BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'waiting',
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS receiver_event_waiting ON receiver_event (lane, place) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS receiver_event_dead ON receiver_event (place) WHERE state = 'dead';
CREATE INDEX IF NOT EXISTS receiver_event_done ON receiver_event (changed_ms) WHERE state = 'handled';
-- One row for each lane with events that wait: taking it is taking its first event.
CREATE TABLE IF NOT EXISTS receiver_lane (
    lane TEXT PRIMARY KEY,
    due_ms INTEGER NOT NULL,
    holder TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS receiver_lane_due ON receiver_lane (due_ms);
