-- Up to where retention took events from the log; those after stand there in the order of their times.
SELECT coalesce(max(trimmed_position), 0) FROM partition_head WHERE partition = :partition
