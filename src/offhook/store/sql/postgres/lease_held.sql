-- Locks the leases that are still their owners', in ascending order, so that no two transactions
-- wait for each other; the first statement of every transaction that writes for a lease.
SELECT
    lease.consumer, lease.partition, lease.epoch, lease.cursor,
    offhook_now(:now_ms::bigint) AS now_ms
FROM unnest(:consumers::text[], :partitions::integer[], :owners::text[], :epochs::bigint[])
    AS held (consumer, partition, owner, epoch)
JOIN lease ON lease.consumer = held.consumer AND lease.partition = held.partition
    AND lease.owner = held.owner AND lease.epoch = held.epoch
ORDER BY lease.consumer, lease.partition
FOR UPDATE OF lease
