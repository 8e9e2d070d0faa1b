-- Of each of these webhooks and partitions the row that falls due first; null where there is none.
SELECT json_group_array(
    json(
        (
            SELECT json_array(due_ms, json_array(webhook, partition, position)) FROM pending
            WHERE pending.partition = part.value
                AND pending.webhook = wanted.value
                AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
                AND (pending.webhook, pending.partition, pending.position) NOT IN (
                    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:busy)
                )
            ORDER BY pending.due_ms, pending.position
            LIMIT 1
        )
    )
)
FROM json_each(:webhooks) AS wanted
CROSS JOIN resource ON resource.kind = 'webhook' AND resource.id = wanted.value
CROSS JOIN json_each(:partitions) AS part
