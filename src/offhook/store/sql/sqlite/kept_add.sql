INSERT INTO event_kept
SELECT position, id, account, type, key, sequence, created_ms, test, historical, headers, data
FROM event
WHERE position <= :through
    AND EXISTS (
        SELECT 1 FROM pending
        WHERE pending.partition = :partition AND pending.position = event.position
    )
ON CONFLICT DO NOTHING
