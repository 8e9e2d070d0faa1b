CREATE TABLE IF NOT EXISTS receiver_processed (
    id text PRIMARY KEY,
    until_at timestamptz NOT NULL,
    handled boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS receiver_processed_until ON receiver_processed (until_at);
