INSERT INTO partition_head (partition, floor_position, floor_created_ms, trimmed_position)
VALUES (:partition, :position, :created_ms, :through)
ON CONFLICT (partition) DO UPDATE SET
    floor_position = excluded.floor_position,
    floor_created_ms = excluded.floor_created_ms,
    trimmed_position = excluded.trimmed_position
