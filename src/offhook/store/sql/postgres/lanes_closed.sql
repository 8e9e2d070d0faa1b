SELECT live.partition, live.webhook, live.lane
FROM unnest(:partitions::integer[], :webhooks::text[], :lanes::text[])
    AS asked (partition, webhook, lane)
CROSS JOIN LATERAL (
    SELECT pending.partition, pending.webhook, pending.lane FROM pending
    WHERE pending.partition = asked.partition
        AND pending.webhook = asked.webhook
        AND pending.lane = asked.lane
        AND (pending.state = 'retry' OR pending.state = 'waiting')
    LIMIT 1
) AS live
