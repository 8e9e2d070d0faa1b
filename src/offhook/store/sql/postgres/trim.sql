DELETE FROM event
USING (
    SELECT old.position, old.created_ms FROM event AS old
    WHERE old.partition = :partition::integer
        AND old.position <= :through::bigint
        AND NOT EXISTS (
            SELECT 1 FROM pending
            WHERE pending.partition = :partition::integer AND pending.position = old.position
        )
    ORDER BY old.position
    LIMIT :limit::bigint
) AS gone
WHERE event.partition = :partition::integer
    AND event.position = gone.position AND event.created_ms = gone.created_ms
