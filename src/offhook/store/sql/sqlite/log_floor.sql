SELECT coalesce(max(floor_position), 0) FROM partition_head WHERE partition = :partition
