SELECT json_group_array(json_array(due_ms, json_array(webhook, partition, position)))
FROM (
    SELECT due_ms, webhook, partition, position FROM pending INDEXED BY pending_replay
    WHERE partition = :partition AND replay = :replay AND due_ms IS NOT NULL
        AND EXISTS (
            SELECT 1 FROM replay_range
            WHERE replay_range.partition = :partition AND replay_range.replay = :replay
                AND NOT done
        )
    ORDER BY due_ms, position
    LIMIT :limit
)
