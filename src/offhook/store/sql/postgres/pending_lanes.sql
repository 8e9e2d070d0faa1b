SELECT pending.partition, pending.webhook, pending.lane
FROM unnest(:webhooks::text[], :partitions::integer[], :positions::bigint[])
    AS wanted (webhook, partition, position)
CROSS JOIN LATERAL (
    SELECT own.partition, own.webhook, own.lane FROM pending AS own
    WHERE own.webhook = wanted.webhook
        AND own.partition = wanted.partition
        AND own.position = wanted.position
    LIMIT 1
) AS pending
WHERE pending.lane IS NOT NULL
