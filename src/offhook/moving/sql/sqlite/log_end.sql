-- When the last event was created, those among them that retention took.
SELECT max(
    coalesce((SELECT created_ms FROM event ORDER BY position DESC LIMIT 1), 0),
    coalesce((SELECT max(floor_created_ms) FROM partition_head), 0)
)
