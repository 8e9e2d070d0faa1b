SELECT json_group_array(json_array(asked.value ->> 0, asked.value ->> 1))
FROM json_each(:lanes) AS asked
WHERE EXISTS (
    SELECT 1 FROM pending
    WHERE partition = :partition
        AND webhook = asked.value ->> 0
        AND lane = asked.value ->> 1
        AND (state = 'retry' OR state = 'waiting')
)
