-- All that a lane has due but its first waits again. OFFSET 0: asked lane by lane, never of the whole
-- table at once.
UPDATE pending SET state = 'waiting', due_ms = NULL
FROM unnest(:partitions::integer[], :webhooks::text[], :lanes::text[], :positions::bigint[])
    AS first (partition, webhook, lane, position)
CROSS JOIN LATERAL (
    SELECT own.position FROM pending AS own
    WHERE own.partition = first.partition
        AND own.webhook = first.webhook
        AND own.lane = first.lane
        AND own.state = 'retry'
        AND own.position > first.position
    OFFSET 0
) AS later
WHERE pending.webhook = first.webhook
    AND pending.partition = first.partition
    AND pending.position = later.position
    AND pending.state = 'retry'
