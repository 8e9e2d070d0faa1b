SELECT position FROM event
WHERE account = :account AND id = :id AND (:key IS NULL OR key = :key)
UNION ALL
SELECT position FROM event_kept
WHERE account = :account AND id = :id AND (:key IS NULL OR key = :key)
LIMIT 1
