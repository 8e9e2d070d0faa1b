-- All but those of deliveries that are still tried, or that a reader of the log may come to again.
DELETE FROM attempt
WHERE id > :after AND id <= :through
    AND position <= :floor
    AND NOT EXISTS (
        SELECT 1 FROM pending
        WHERE pending.webhook = attempt.webhook
            AND pending.partition = attempt.partition
            AND pending.position = attempt.position
            AND (pending.state = 'retry' OR pending.state = 'waiting')
    )
