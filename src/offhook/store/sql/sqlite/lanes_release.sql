UPDATE pending SET
    late = lane,
    lane = NULL,
    due_ms = iif(state = 'waiting', :now_ms, due_ms),
    state = 'retry'
WHERE (webhook, partition, position) IN (
    SELECT own.webhook, own.partition, own.position
    FROM json_each(:lanes) AS it
    CROSS JOIN pending AS own
        ON own.partition = :partition
        AND own.webhook = it.value ->> 0
        AND own.lane = it.value ->> 1
        AND (own.state = 'retry' OR own.state = 'waiting')
)
