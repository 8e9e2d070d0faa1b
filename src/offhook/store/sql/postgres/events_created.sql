SELECT event.created_ms
FROM unnest(:partitions::integer[], :positions::bigint[]) AS wanted (partition, position)
CROSS JOIN LATERAL (
    SELECT own.created_ms FROM event AS own
    WHERE own.partition = wanted.partition AND own.position >= wanted.position
    ORDER BY own.position
    LIMIT 1
) AS event
