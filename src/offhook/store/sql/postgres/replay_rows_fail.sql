UPDATE pending SET state = 'failed', due_ms = NULL, reason = :reason
FROM unnest(:partitions::integer[], :replays::text[]) AS over (partition, replay)
WHERE pending.partition = over.partition AND pending.replay = over.replay
    AND pending.state IN ('retry', 'waiting')
