-- Locked in ascending order, like by an apply that runs at the same time.
UPDATE lease SET owner = NULL, until_ms = 0
FROM (
    SELECT own.partition
    FROM unnest(:partitions::integer[], :epochs::bigint[]) AS wanted (partition, epoch)
    JOIN lease AS own ON own.consumer = :consumer AND own.partition = wanted.partition
    WHERE own.owner = :owner AND own.epoch = wanted.epoch
    ORDER BY own.partition
    FOR UPDATE OF own
) AS held
WHERE lease.consumer = :consumer AND lease.partition = held.partition
