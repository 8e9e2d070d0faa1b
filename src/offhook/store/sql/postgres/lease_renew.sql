UPDATE lease SET until_ms = offhook_now(:now_ms::bigint) + :ttl_ms::bigint
FROM unnest(:partitions::integer[], :epochs::bigint[]) AS held (partition, epoch)
WHERE lease.consumer = :consumer AND lease.partition = held.partition
    AND lease.owner = :owner AND lease.epoch = held.epoch
RETURNING lease.partition
