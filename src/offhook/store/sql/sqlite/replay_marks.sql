SELECT json_group_array(
    json_object(
        'position', position, 'state', state, 'event_type', event_type, 'replay', replay
    )
)
FROM (
    SELECT position, state, event_type, replay FROM pending
    WHERE webhook = :webhook AND partition = :partition
        AND position > :after AND position <= :through
    ORDER BY position
    LIMIT :limit
)
