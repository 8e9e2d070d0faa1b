-- Lanes that were let go and are not empty yet.
SELECT asked.partition, asked.webhook, asked.lane
FROM unnest(:partitions::integer[], :webhooks::text[], :lanes::text[])
    AS asked (partition, webhook, lane)
CROSS JOIN LATERAL (
    SELECT FROM pending
    WHERE pending.partition = asked.partition
        AND pending.webhook = asked.webhook
        AND pending.late = asked.lane
        AND pending.lane IS NULL
        AND pending.state = 'retry'
    LIMIT 1
) AS live
