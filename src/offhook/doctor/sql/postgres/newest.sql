SELECT max(newest.created_ms)
FROM partition_head AS head
CROSS JOIN LATERAL (
    SELECT event.created_ms FROM event
    WHERE event.partition = head.partition
    ORDER BY event.position DESC
    LIMIT 1
) AS newest
