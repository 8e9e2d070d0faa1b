SELECT position FROM event
WHERE account = :account AND id = :id AND (:key IS NULL OR key = :key)
