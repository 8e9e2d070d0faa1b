-- An id whose event is gone counts as new as the log: when it was given is not known.
SELECT
    event_key.account, event_key.id, event_key.digest, event_key.event_id, event_key.type,
    event_key.key, event_key.sequence,
    coalesce(
        event.created_ms,
        (SELECT newest.created_ms FROM event AS newest ORDER BY newest.position DESC LIMIT 1),
        0
    )
FROM event_key
LEFT JOIN event ON event.account = event_key.account AND event.id = event_key.event_id
