-- The first of each webhook in the order they fall due, one more than may be taken, so that the
-- time of the next is known. Webhooks are found by skipping through the index.
WITH RECURSIVE
    endpoint (webhook) AS (
        SELECT min(webhook) FROM pending WHERE partition = :partition AND due_ms IS NOT NULL
        UNION ALL
        SELECT (
            SELECT min(pending.webhook) FROM pending
            WHERE pending.partition = :partition
                AND pending.webhook > endpoint.webhook
                AND pending.due_ms IS NOT NULL
        )
        FROM endpoint
        WHERE endpoint.webhook IS NOT NULL
    )
SELECT json_group_array(
    json_array(
        endpoint.webhook,
        json(
            (
                SELECT json_group_array(json_array(position, due_ms)) FROM (
                    SELECT pending.position, pending.due_ms FROM pending
                    WHERE pending.partition = :partition
                        AND pending.webhook = endpoint.webhook
                        AND pending.due_ms IS NOT NULL
                        AND (pending.webhook, pending.position) NOT IN (
                            SELECT value ->> 0, value ->> 1 FROM json_each(:busy)
                        )
                    ORDER BY pending.due_ms, pending.position
                    LIMIT :limit
                )
            )
        )
    )
)
FROM endpoint
WHERE endpoint.webhook IS NOT NULL
