UPDATE lease SET owner = NULL, until_ms = 0
FROM unnest(:partitions::integer[], :epochs::bigint[]) AS held (partition, epoch)
WHERE lease.consumer = :consumer AND lease.partition = held.partition
    AND lease.owner = :owner AND lease.epoch = held.epoch
