-- From the log, else from what is kept of it for the sake of rows that name it.
SELECT
    partition, position, id, account, type, key, sequence, created_ms, test, historical,
    headers, data
FROM event
WHERE account = :account AND id = :id
UNION ALL
SELECT
    partition, position, id, account, type, key, sequence, created_ms, test, historical,
    headers, data
FROM event_kept
WHERE account = :account AND id = :id
LIMIT 1
