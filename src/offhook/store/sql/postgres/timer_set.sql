-- Sorted: a timer may belong to a key of another partition, whose appends may set it too.
INSERT INTO timer (partition, account, key, kind, due_ms)
SELECT * FROM unnest(
    :partitions::integer[], :accounts::text[], :keys::text[], :kinds::text[], :due_ms::bigint[]
) AS timed (partition, account, key, kind, due_ms)
ORDER BY timed.account COLLATE "C", timed.key COLLATE "C", timed.kind COLLATE "C"
ON CONFLICT (account, key, kind) DO UPDATE SET due_ms = excluded.due_ms
