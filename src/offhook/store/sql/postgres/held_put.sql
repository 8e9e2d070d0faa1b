INSERT INTO held (partition, webhook, from_position)
SELECT * FROM unnest(:partitions::integer[], :webhooks::text[], :from_positions::bigint[])
ON CONFLICT (partition, webhook) DO UPDATE SET from_position = excluded.from_position
