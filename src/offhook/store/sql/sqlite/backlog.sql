SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM pending INDEXED BY pending_live
            WHERE webhook = :webhook AND (state = 'retry' OR state = 'waiting')
            LIMIT :most
        )
    ),
    (
        SELECT coalesce(
            (SELECT created_ms FROM event WHERE event.position = pending.position),
            (SELECT created_ms FROM event_kept WHERE event_kept.position = pending.position)
        )
        FROM pending INDEXED BY pending_live
        WHERE webhook = :webhook AND (state = 'retry' OR state = 'waiting')
        ORDER BY partition, position
        LIMIT 1
    ),
    (SELECT count(*) FROM held WHERE partition = :partition AND webhook = :webhook),
    (
        SELECT created_ms FROM event
        WHERE position >= (
            SELECT from_position FROM held WHERE partition = :partition AND webhook = :webhook
        )
        ORDER BY position
        LIMIT 1
    )
