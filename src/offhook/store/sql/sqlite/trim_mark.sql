INSERT INTO partition_head (partition, floor_position, floor_created_ms)
VALUES (:partition, :position, :created_ms)
ON CONFLICT (partition) DO UPDATE SET
    floor_position = excluded.floor_position,
    floor_created_ms = excluded.floor_created_ms
