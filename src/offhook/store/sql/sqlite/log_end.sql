SELECT
    max(coalesce(newest.position, 0), coalesce(head.floor_position, 0)),
    max(coalesce(newest.created_ms, 0), coalesce(head.floor_created_ms, 0)),
    (SELECT coalesce(max(number), 0) FROM call),
    coalesce(head.trimmed_position, 0)
FROM (SELECT :partition AS partition) AS wanted
LEFT JOIN partition_head AS head ON head.partition = wanted.partition
LEFT JOIN event AS newest ON newest.position = (SELECT max(position) FROM event)
