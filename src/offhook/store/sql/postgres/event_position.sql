SELECT partition, position FROM event
WHERE account = :account AND id = :id AND (:key::text IS NULL OR key = :key::text)
UNION ALL
SELECT partition, position FROM event_kept
WHERE account = :account AND id = :id AND (:key::text IS NULL OR key = :key::text)
LIMIT 1
