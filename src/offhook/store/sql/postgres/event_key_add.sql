-- Sorted, so that two appends with the same ids do not wait for each other. One that another append
-- took meanwhile is not inserted, which the count tells.
INSERT INTO event_key (account, id, digest, event_id, type, key, sequence, created_ms)
SELECT * FROM unnest(
    :accounts::text[], :ids::text[], :digests::bytea[], :event_ids::text[], :types::text[],
    :keys::text[], :sequences::bigint[], :created_ms::bigint[]
) AS given (account, id, digest, event_id, type, key, sequence, created_ms)
ORDER BY given.account COLLATE "C", given.id COLLATE "C"
ON CONFLICT (account, id) DO NOTHING
