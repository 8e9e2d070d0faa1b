INSERT INTO webhook_start (webhook, partition, position)
SELECT :webhook::text, began.partition, began.position
FROM unnest(:partitions::integer[], :positions::bigint[]) AS began (partition, position)
