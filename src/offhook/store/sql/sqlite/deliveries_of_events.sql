-- Those that have a row or an attempt, whatever their endpoints: found by position.
SELECT json_group_array(json_array(webhook, position))
FROM (
    SELECT pending.webhook, pending.position
    FROM json_each(:positions) AS wanted
    CROSS JOIN pending INDEXED BY pending_position
        ON pending.partition = :partition AND pending.position = wanted.value
    WHERE pending.account = :account
        AND EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = pending.webhook)
    UNION
    SELECT attempt.webhook, attempt.position
    FROM json_each(:positions) AS wanted
    CROSS JOIN attempt INDEXED BY attempt_position
        ON attempt.partition = :partition AND attempt.position = wanted.value
    WHERE attempt.account = :account
)
