DELETE FROM event
WHERE position IN (
    SELECT old.position FROM event AS old
    WHERE old.position <= :through
        AND NOT EXISTS (
            SELECT 1 FROM pending
            WHERE pending.partition = :partition AND pending.position = old.position
        )
    ORDER BY old.position
    LIMIT :limit
)
