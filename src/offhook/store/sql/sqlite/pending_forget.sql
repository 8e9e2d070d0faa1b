-- What was accepted once and then given up by a replay goes with the attempt that says so: it would
-- seem to have failed.
DELETE FROM pending
WHERE replay IS NOT NULL AND (state = 'failed' OR state = 'canceled')
    AND (webhook, partition, position) IN (
        SELECT webhook, partition, position FROM attempt
        WHERE id > :after AND id <= :through AND position <= :floor AND accepted
    )
