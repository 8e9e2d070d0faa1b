-- ``events``: how many stand after the cursor; ``waiting_ms``: when the first of them was created.
SELECT
    lease.consumer, lease.partition, lease.owner, lease.until_ms,
    max((SELECT coalesce(max(event.position), 0) FROM event) - lease.cursor, 0) AS events,
    (
        SELECT event.created_ms FROM event
        WHERE event.position > lease.cursor
        ORDER BY event.position
        LIMIT 1
    ) AS waiting_ms
FROM lease
ORDER BY lease.consumer, lease.partition
