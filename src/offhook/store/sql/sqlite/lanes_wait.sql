-- All that a lane has due but its first waits again.
UPDATE pending SET state = 'waiting', due_ms = NULL
WHERE (webhook, partition, position) IN (
    SELECT later.webhook, later.partition, later.position
    FROM json_each(:firsts) AS it
    CROSS JOIN pending AS later
        ON later.partition = :partition
        AND later.webhook = it.value ->> 0
        AND later.lane = it.value ->> 1
        AND later.state = 'retry'
        AND later.position > it.value ->> 2
)
