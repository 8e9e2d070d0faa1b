DELETE FROM pending
USING unnest(:webhooks::text[], :partitions::integer[], :positions::bigint[])
    AS settled (webhook, partition, position)
WHERE pending.webhook = settled.webhook
    AND pending.partition = settled.partition
    AND pending.position = settled.position
