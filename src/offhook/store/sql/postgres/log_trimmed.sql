-- Up to where retention took events from the log; those after stand there in the order of their times.
SELECT partition, trimmed_position
FROM partition_head WHERE partition = ANY(:partitions::integer[])
