UPDATE partition_head
SET floor_position = :position::bigint, floor_created_ms = :created_ms::bigint
WHERE partition = :partition::integer
