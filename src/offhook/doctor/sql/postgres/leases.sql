-- ``events``: how many stand after the cursor; ``waiting_ms``: when the first of them was created.
SELECT
    lease.consumer, lease.partition, lease.owner, lease.until_ms,
    coalesce(
        (
            SELECT event.position FROM event
            WHERE event.partition = lease.partition
            ORDER BY event.position DESC
            LIMIT 1
        ) - lease.cursor, 0
    ) AS events,
    (
        SELECT event.created_ms FROM event
        WHERE event.partition = lease.partition AND event.position > lease.cursor
        ORDER BY event.position
        LIMIT 1
    ) AS waiting_ms
FROM lease
ORDER BY lease.consumer, lease.partition
