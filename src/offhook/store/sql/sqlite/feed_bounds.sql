SELECT
    coalesce((SELECT max(position) FROM event), 0),
    (
        SELECT position FROM event
        WHERE created_ms >= :since_ms
        ORDER BY created_ms, position
        LIMIT 1
    ),
    (
        SELECT position FROM event
        WHERE created_ms < :until_ms
        ORDER BY created_ms DESC, position DESC
        LIMIT 1
    )
