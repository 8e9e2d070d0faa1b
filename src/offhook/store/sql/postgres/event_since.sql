-- For each partition the last position before the first event created at a moment or after it: a
-- search by halves, since created never goes back within a partition.
WITH RECURSIVE
    span (partition, low, high) AS (
        SELECT
            wanted.partition, 1::bigint,
            coalesce(
                (
                    SELECT event.position FROM event
                    WHERE event.partition = wanted.partition
                    ORDER BY event.position DESC
                    LIMIT 1
                ), 0
            ) + 1
        FROM unnest(:partitions::integer[]) AS wanted (partition)
        UNION ALL
        SELECT
            span.partition,
            CASE WHEN middle.created_ms < :created_ms::bigint
                THEN (span.low + span.high) / 2 + 1 ELSE span.low END,
            CASE WHEN middle.created_ms < :created_ms::bigint
                THEN span.high ELSE (span.low + span.high) / 2 END
        FROM span
        CROSS JOIN LATERAL (
            SELECT event.created_ms FROM event
            WHERE event.partition = span.partition
                AND event.position >= (span.low + span.high) / 2
            ORDER BY event.position
            LIMIT 1
        ) AS middle
        WHERE span.low < span.high
    )
SELECT partition, low - 1 FROM span WHERE low = high
