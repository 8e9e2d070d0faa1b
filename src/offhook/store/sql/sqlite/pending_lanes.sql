SELECT json_group_array(json_array(pending.webhook, pending.lane))
FROM json_each(:deliveries) AS wanted
CROSS JOIN pending
    ON pending.webhook = wanted.value ->> 0
    AND pending.partition = :partition
    AND pending.position = wanted.value ->> 1
WHERE pending.lane IS NOT NULL
