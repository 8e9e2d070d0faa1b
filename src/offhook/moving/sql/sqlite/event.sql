SELECT
    account, key, 0, position, previous, id, type, sequence, created_ms, test, historical,
    headers, data
FROM event
ORDER BY position
