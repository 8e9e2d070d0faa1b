-- Only what is still free: another may have taken it since it was read. A row that is locked is left
-- alone: its owner may have been suspended in the middle of a transaction.
UPDATE lease
SET owner = :owner, epoch = free.epoch + 1, takeovers = free.takeovers,
    until_ms = offhook_now(:now_ms::bigint) + :ttl_ms::bigint
FROM (
    SELECT own.partition, own.epoch, wanted.takeovers
    FROM unnest(:partitions::integer[], :epochs::bigint[], :takeovers::integer[])
        AS wanted (partition, epoch, takeovers)
    JOIN lease AS own ON own.consumer = :consumer AND own.partition = wanted.partition
    WHERE own.epoch = wanted.epoch - 1
        AND (own.owner IS NULL OR own.until_ms <= offhook_now(:now_ms::bigint))
    FOR UPDATE OF own SKIP LOCKED
) AS free
WHERE lease.consumer = :consumer AND lease.partition = free.partition
RETURNING lease.partition
