SELECT
    account, key, partition, position, id, type, sequence, created_ms,
    test::integer, historical::integer, headers, data
FROM event_kept
