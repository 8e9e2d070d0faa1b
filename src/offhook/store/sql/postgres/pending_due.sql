-- The first of each webhook and partition in the order they fall due, one more than may be taken, so
-- that the time of the next is known. Webhooks are found by skipping through the index.
WITH RECURSIVE
    endpoint (partition, webhook) AS (
        SELECT wanted.partition, first.webhook FROM unnest(:asked::integer[]) AS wanted (partition)
        CROSS JOIN LATERAL (
            SELECT pending.webhook FROM pending
            WHERE pending.partition = wanted.partition
                AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
            ORDER BY pending.webhook
            LIMIT 1
        ) AS first
        UNION ALL
        SELECT endpoint.partition, next.webhook FROM endpoint
        CROSS JOIN LATERAL (
            SELECT pending.webhook FROM pending
            WHERE pending.partition = endpoint.partition
                AND pending.webhook > endpoint.webhook
                AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
            ORDER BY pending.webhook
            LIMIT 1
        ) AS next
    )
SELECT
    due.due_ms, endpoint.webhook, endpoint.partition, due.position,
    (SELECT offhook_now(:now_ms::bigint)) AS now_ms
FROM endpoint
CROSS JOIN LATERAL (
    SELECT pending.position, pending.due_ms FROM pending
    WHERE pending.partition = endpoint.partition
        AND pending.webhook = endpoint.webhook
        AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
        AND pending.position <> ALL(
            ARRAY(
                SELECT busy.position
                FROM unnest(
                    :busy_webhooks::text[], :busy_partitions::integer[], :busy_positions::bigint[]
                ) AS busy (webhook, partition, position)
                WHERE busy.webhook = endpoint.webhook AND busy.partition = endpoint.partition
            )
        )
    ORDER BY pending.due_ms, pending.position
    LIMIT :limit
) AS due
WHERE endpoint.webhook <> ALL(:but::text[])
    AND EXISTS (
        SELECT 1 FROM resource WHERE kind = 'webhook' AND id = endpoint.webhook OFFSET 0
    )
