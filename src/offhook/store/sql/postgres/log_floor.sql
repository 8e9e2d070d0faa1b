-- Up to where retention took events from the log; those after stand there in the order of their times.
SELECT partition, trimmed_position AS floor_position
FROM partition_head WHERE partition = ANY(:partitions::integer[])
