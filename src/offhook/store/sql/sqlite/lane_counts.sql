SELECT json_group_object(webhook, lanes)
FROM (
    SELECT webhook, count(DISTINCT lane) AS lanes FROM pending
    WHERE partition = :partition AND lane IS NOT NULL AND state IN ('retry', 'waiting')
    GROUP BY webhook
)
