SELECT
    account, key, partition, position, previous, id, type, sequence, created_ms,
    test::integer, historical::integer, headers, data
FROM event
ORDER BY partition, position
