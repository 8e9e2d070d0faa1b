-- Of each of these webhooks the row that falls due first, over all these partitions.
SELECT DISTINCT ON (wanted.webhook) wanted.webhook, part.partition, first.position
FROM unnest(:webhooks::text[]) AS wanted (webhook)
CROSS JOIN unnest(:asked::integer[]) AS part (partition)
CROSS JOIN LATERAL (
    SELECT pending.position, pending.due_ms FROM pending
    WHERE pending.partition = part.partition
        AND pending.webhook = wanted.webhook
        AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
        AND pending.position <> ALL(
            ARRAY(
                SELECT busy.position
                FROM unnest(
                    :busy_webhooks::text[], :busy_partitions::integer[], :busy_positions::bigint[]
                ) AS busy (webhook, partition, position)
                WHERE busy.webhook = wanted.webhook AND busy.partition = part.partition
            )
        )
    ORDER BY pending.due_ms, pending.position
    LIMIT 1
) AS first
WHERE EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = wanted.webhook OFFSET 0)
ORDER BY wanted.webhook, first.due_ms, part.partition
