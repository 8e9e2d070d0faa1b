SELECT account, key, position, created_ms FROM event
ORDER BY position
