SELECT json_group_array(json_array(webhook, position))
FROM (
    SELECT attempt.webhook, attempt.position
    FROM json_each(:ranges) AS held
    CROSS JOIN attempt INDEXED BY attempt_webhook
        ON attempt.webhook = held.value ->> 0
        AND attempt.partition = :partition
        AND attempt.position >= held.value ->> 1
        AND attempt.position <= :cursor
    WHERE attempt.accepted
    UNION ALL
    SELECT pending.webhook, pending.position
    FROM json_each(:ranges) AS held
    CROSS JOIN pending
        ON pending.webhook = held.value ->> 0
        AND pending.partition = :partition
        AND pending.position >= held.value ->> 1
        AND pending.position <= :cursor
)
