-- What was accepted before a replay was canceled is delivered all the same.
DELETE FROM pending
WHERE partition = :partition AND replay IN (SELECT value FROM json_each(:replays))
    AND (state = 'retry' OR state = 'waiting')
    AND EXISTS (
        SELECT 1 FROM attempt INDEXED BY attempt_position
        WHERE attempt.partition = pending.partition
            AND attempt.position = pending.position
            AND attempt.webhook = pending.webhook
            AND attempt.accepted
    )
