SELECT
    account, key, 0, position, id, type, sequence, created_ms, test, historical, headers, data
FROM event_kept
