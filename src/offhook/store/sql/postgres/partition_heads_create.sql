-- Fixed once the log is made: nothing where there are any.
INSERT INTO partition_head (partition, floor_position, floor_created_ms)
SELECT number, 0, 0 FROM generate_series(0, :partitions::integer - 1) AS number
WHERE NOT EXISTS (SELECT 1 FROM partition_head)
