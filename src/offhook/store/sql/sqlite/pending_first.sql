SELECT webhook, partition, position FROM pending
WHERE partition = :partition AND webhook = :webhook AND due_ms IS NOT NULL AND replay IS NULL
ORDER BY due_ms, position
LIMIT 1
