SELECT
    partition, position, id, account, type, key, sequence, created_ms, test, historical,
    headers, data
FROM event
WHERE account = :account AND id = :id
LIMIT 1
