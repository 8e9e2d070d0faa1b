SELECT position, state, event_type, replay FROM pending
WHERE webhook = :webhook AND partition = :partition
    AND position > :after AND position <= :through
ORDER BY position
LIMIT :limit
