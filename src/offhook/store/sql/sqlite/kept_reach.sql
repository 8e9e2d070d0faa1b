SELECT max(position) FROM (
    SELECT position FROM event_kept WHERE position > :after ORDER BY position LIMIT :limit
)
