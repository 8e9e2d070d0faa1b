UPDATE pending SET state = 'retry', due_ms = :now_ms
FROM unnest(:webhooks::text[], :partitions::integer[], :positions::bigint[])
    AS head (webhook, partition, position)
WHERE pending.webhook = head.webhook
    AND pending.partition = head.partition
    AND pending.position = head.position
