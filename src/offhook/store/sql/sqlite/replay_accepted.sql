SELECT json_group_array(wanted.value)
FROM json_each(:positions) AS wanted
WHERE EXISTS (
    SELECT 1 FROM attempt INDEXED BY attempt_position
    WHERE attempt.partition = :partition
        AND attempt.position = wanted.value
        AND attempt.webhook = :webhook
        AND attempt.accepted
)
