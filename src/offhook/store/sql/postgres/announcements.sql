SELECT oldest.id, oldest.partition, oldest.account, oldest.event_id, oldest.type, oldest.key,
    oldest.test, oldest.data
FROM unnest(:asked::integer[]) AS wanted (partition)
CROSS JOIN LATERAL (
    SELECT * FROM announcement
    WHERE announcement.partition = wanted.partition
    ORDER BY announcement.id
    LIMIT :limit
) AS oldest
ORDER BY oldest.id
LIMIT :limit
