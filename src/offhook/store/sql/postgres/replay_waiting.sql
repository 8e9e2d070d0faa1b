SELECT
    due_ms, webhook, partition, position,
    (SELECT offhook_now(:now_ms::bigint)) AS now_ms
FROM pending
WHERE partition = :partition AND replay = :replay AND due_ms IS NOT NULL
    AND EXISTS (
        SELECT 1 FROM replay_range
        WHERE replay_range.partition = :partition AND replay_range.replay = :replay
            AND NOT replay_range.done
        OFFSET 0
    )
ORDER BY due_ms, position
LIMIT :limit
