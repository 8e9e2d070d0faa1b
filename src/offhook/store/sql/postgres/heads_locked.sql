-- In ascending order, so that no two appends wait for each other. Locked, not updated.
SELECT partition FROM partition_head
WHERE partition = ANY(:partitions::integer[])
ORDER BY partition
FOR UPDATE
