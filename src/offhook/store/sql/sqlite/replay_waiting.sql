SELECT json_group_array(json_array(due_ms, json_array(webhook, partition, position)))
FROM (
    SELECT due_ms, webhook, partition, position FROM pending INDEXED BY pending_replay
    WHERE partition = :partition AND replay = :replay AND due_ms IS NOT NULL
    ORDER BY due_ms, position
    LIMIT :limit
)
