-- Where partitions end. Asked by the statement after the one that locks them: its snapshot sees what
-- the owner of the lock before committed. ``since_ms`` is any time known not to be after the end of
-- the partition: tables of earlier days are not looked at.
SELECT
    head.partition,
    greatest(coalesce(newest.position, 0), head.floor_position) AS position,
    greatest(coalesce(newest.created_ms, 0), head.floor_created_ms) AS created_ms,
    offhook_now(:now_ms::bigint) AS now_ms,
    newest.position IS NOT NULL AS found,
    head.trimmed_position
FROM unnest(:partitions::integer[], :since_ms::bigint[]) AS wanted (partition, since_ms)
JOIN partition_head AS head ON head.partition = wanted.partition
LEFT JOIN LATERAL (
    SELECT event.position, event.created_ms FROM event
    WHERE event.partition = wanted.partition AND event.created_ms >= wanted.since_ms
    ORDER BY event.position DESC
    LIMIT 1
) AS newest ON true
ORDER BY head.partition
