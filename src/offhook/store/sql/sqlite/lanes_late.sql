-- Lanes that were let go and are not empty yet.
SELECT json_group_array(json_array(asked.value ->> 0, asked.value ->> 1))
FROM json_each(:lanes) AS asked
WHERE EXISTS (
    SELECT 1 FROM pending
    WHERE partition = :partition
        AND webhook = asked.value ->> 0
        AND late = asked.value ->> 1
        AND lane IS NULL
        AND state = 'retry'
)
