-- The first of each webhook in the order they fall due, one more than may be taken, so that the
-- time of the next is known. Webhooks are found by skipping through the index.
WITH RECURSIVE
    endpoint (webhook) AS (
        (
            SELECT webhook FROM pending
            WHERE partition = :partition AND due_ms IS NOT NULL
            ORDER BY webhook
            LIMIT 1
        )
        UNION ALL
        SELECT next.webhook FROM endpoint
        CROSS JOIN LATERAL (
            SELECT pending.webhook FROM pending
            WHERE pending.partition = :partition
                AND pending.webhook > endpoint.webhook
                AND pending.due_ms IS NOT NULL
            ORDER BY pending.webhook
            LIMIT 1
        ) AS next
    )
SELECT endpoint.webhook, due.position, due.due_ms, (SELECT offhook_now(:now_ms::bigint)) AS now_ms
FROM endpoint
CROSS JOIN LATERAL (
    SELECT pending.position, pending.due_ms FROM pending
    WHERE pending.partition = :partition
        AND pending.webhook = endpoint.webhook
        AND pending.due_ms IS NOT NULL
        AND pending.position <> ALL(
            ARRAY(
                SELECT busy.position
                FROM unnest(:busy_webhooks::text[], :busy_positions::bigint[])
                    AS busy (webhook, position)
                WHERE busy.webhook = endpoint.webhook
            )
        )
    ORDER BY pending.due_ms, pending.position
    LIMIT :limit
) AS due
