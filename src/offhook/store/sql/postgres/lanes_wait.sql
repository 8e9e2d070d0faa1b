-- All that a lane has due but its first waits again.
UPDATE pending SET state = 'waiting', due_ms = NULL
FROM unnest(:partitions::integer[], :webhooks::text[], :lanes::text[], :positions::bigint[])
    AS first (partition, webhook, lane, position)
WHERE pending.partition = first.partition
    AND pending.webhook = first.webhook
    AND pending.lane = first.lane
    AND pending.state = 'retry'
    AND pending.position > first.position
