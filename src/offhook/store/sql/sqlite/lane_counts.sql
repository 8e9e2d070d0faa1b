SELECT json_group_object(webhook, lanes)
FROM (
    SELECT webhook, count(DISTINCT lane) AS lanes FROM pending
    WHERE partition = :partition AND lane IS NOT NULL AND replay IS NULL
        AND (state = 'retry' OR state = 'waiting')
    GROUP BY webhook
)
