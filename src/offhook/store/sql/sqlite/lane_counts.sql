-- Lanes of replays are not counted: their names begin below a space, which no key does.
SELECT json_group_object(webhook, lanes)
FROM (
    SELECT webhook, count(DISTINCT lane) AS lanes FROM pending
    WHERE partition = :partition AND lane IS NOT NULL AND lane >= ' '
        AND (state = 'retry' OR state = 'waiting')
    GROUP BY webhook
    HAVING EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = pending.webhook)
)
