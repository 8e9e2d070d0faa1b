SELECT json_group_array(json_array(asked.webhook, asked.lane, first_retry, first_waiting))
FROM (
    SELECT
        it.value ->> 0 AS webhook,
        it.value ->> 1 AS lane,
        (
            SELECT min(position) FROM pending
            WHERE partition = :partition
                AND webhook = it.value ->> 0
                AND lane = it.value ->> 1
                AND state = 'retry'
        ) AS first_retry,
        (
            SELECT min(position) FROM pending
            WHERE partition = :partition
                AND webhook = it.value ->> 0
                AND lane = it.value ->> 1
                AND state = 'waiting'
        ) AS first_waiting
    FROM json_each(:lanes) AS it
) AS asked
