SELECT partition, floor_position FROM partition_head WHERE partition = ANY(:partitions::integer[])
