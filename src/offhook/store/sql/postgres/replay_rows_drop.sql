-- What was accepted before a replay was canceled is delivered all the same. OFFSET 0: asked replay by
-- replay and row by row, never of a whole table at once.
DELETE FROM pending
USING unnest(:partitions::integer[], :replays::text[]) AS over (partition, replay)
CROSS JOIN LATERAL (
    SELECT own.webhook, own.position FROM pending AS own
    WHERE own.partition = over.partition AND own.replay = over.replay
        AND own.state IN ('retry', 'waiting')
        AND EXISTS (
            SELECT 1 FROM attempt
            WHERE attempt.partition = own.partition
                AND attempt.position = own.position
                AND attempt.webhook = own.webhook
                AND attempt.accepted
            OFFSET 0
        )
    OFFSET 0
) AS waits
WHERE pending.webhook = waits.webhook
    AND pending.partition = over.partition
    AND pending.position = waits.position
