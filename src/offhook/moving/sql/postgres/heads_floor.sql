UPDATE partition_head
SET floor_position = reached.position, floor_created_ms = $2::bigint
FROM unnest($1::bigint[]) WITH ORDINALITY AS reached (position, place)
WHERE partition_head.partition = reached.place - 1
