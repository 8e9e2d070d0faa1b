SELECT created_ms FROM event
ORDER BY position DESC
LIMIT 1
