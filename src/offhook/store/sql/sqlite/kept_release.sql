-- Of these, the events that no row of a delivery names any more.
DELETE FROM event_kept
WHERE position > :after AND position <= :through
    AND NOT EXISTS (
        SELECT 1 FROM pending
        WHERE pending.partition = :partition AND pending.position = event_kept.position
    )
