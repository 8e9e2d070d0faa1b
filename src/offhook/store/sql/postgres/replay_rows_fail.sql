-- OFFSET 0: asked replay by replay, never of the whole table at once.
UPDATE pending SET state = 'failed', due_ms = NULL, reason = :reason
FROM unnest(:partitions::integer[], :replays::text[]) AS over (partition, replay)
CROSS JOIN LATERAL (
    SELECT own.webhook, own.position FROM pending AS own
    WHERE own.partition = over.partition AND own.replay = over.replay
        AND own.state IN ('retry', 'waiting')
    OFFSET 0
) AS waits
WHERE pending.webhook = waits.webhook
    AND pending.partition = over.partition
    AND pending.position = waits.position
