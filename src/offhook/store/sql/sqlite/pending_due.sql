-- The first of each webhook and partition in the order they fall due, one more than may be taken, so
-- that the time of the next is known. Webhooks are found by skipping through the index.
WITH RECURSIVE
    endpoint (partition, webhook) AS (
        SELECT
            wanted.value,
            (
                SELECT min(pending.webhook) FROM pending
                WHERE pending.partition = wanted.value
                    AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
            )
        FROM json_each(:partitions) AS wanted
        UNION ALL
        SELECT
            endpoint.partition,
            (
                SELECT min(pending.webhook) FROM pending
                WHERE pending.partition = endpoint.partition
                    AND pending.webhook > endpoint.webhook
                    AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
            )
        FROM endpoint
        WHERE endpoint.webhook IS NOT NULL
    )
SELECT json_group_array(
    json(
        (
            SELECT json_group_array(
                json_array(due_ms, json_array(endpoint.webhook, endpoint.partition, position))
            )
            FROM (
                SELECT pending.position, pending.due_ms FROM pending
                WHERE pending.partition = endpoint.partition
                    AND pending.webhook = endpoint.webhook
                    AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
                    AND (pending.webhook, pending.partition, pending.position) NOT IN (
                        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:busy)
                    )
                ORDER BY pending.due_ms, pending.position
                LIMIT :limit
            )
        )
    )
)
FROM endpoint
WHERE endpoint.webhook IS NOT NULL
    AND endpoint.webhook NOT IN (SELECT value FROM json_each(:but))
    AND EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = endpoint.webhook)
