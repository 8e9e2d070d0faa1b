-- What was accepted before a replay was canceled is delivered all the same.
DELETE FROM pending
USING unnest(:partitions::integer[], :replays::text[]) AS over (partition, replay)
WHERE pending.partition = over.partition AND pending.replay = over.replay
    AND pending.state IN ('retry', 'waiting')
    AND EXISTS (
        SELECT 1 FROM attempt
        WHERE attempt.partition = pending.partition
            AND attempt.position = pending.position
            AND attempt.webhook = pending.webhook
            AND attempt.accepted
        OFFSET 0
    )
