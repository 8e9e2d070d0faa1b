UPDATE lease SET cursor = moved.cursor, takeovers = 0, suspect = NULL
FROM unnest(:consumers::text[], :partitions::integer[], :cursors::bigint[])
    AS moved (consumer, partition, cursor)
WHERE lease.consumer = moved.consumer AND lease.partition = moved.partition
    AND lease.cursor < moved.cursor
