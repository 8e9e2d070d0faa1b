SELECT
    due_ms, webhook, partition, position,
    (SELECT offhook_now(:now_ms::bigint)) AS now_ms
FROM pending
WHERE partition = :partition AND replay = :replay AND due_ms IS NOT NULL
ORDER BY due_ms, position
LIMIT :limit
