SELECT position FROM event ORDER BY position LIMIT 1
