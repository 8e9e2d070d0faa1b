-- The events of a day that ended before ``end_ms`` are no longer to be read, and their positions
-- never to be given again.
UPDATE partition_head SET
    floor_position = greatest(partition_head.floor_position, gone.position),
    floor_created_ms = greatest(partition_head.floor_created_ms, :end_ms::bigint - 1),
    trimmed_position = greatest(partition_head.trimmed_position, gone.position)
FROM unnest(:partitions::integer[], :positions::bigint[]) AS gone (partition, position)
WHERE partition_head.partition = gone.partition
