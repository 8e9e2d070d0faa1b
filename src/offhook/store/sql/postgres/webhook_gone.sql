-- The next webhook that is not there any more and left rows. Webhooks are found by skipping through
-- the index, up to the first of that kind.
WITH RECURSIVE
    standing (webhook) AS (
        SELECT first.webhook FROM (
            SELECT pending.webhook FROM pending
            WHERE pending.webhook > :after
            ORDER BY pending.webhook
            LIMIT 1
        ) AS first
        UNION ALL
        SELECT next.webhook FROM standing
        CROSS JOIN LATERAL (
            SELECT pending.webhook FROM pending
            WHERE pending.webhook > standing.webhook
            ORDER BY pending.webhook
            LIMIT 1
        ) AS next
        WHERE EXISTS (
            SELECT 1 FROM resource WHERE kind = 'webhook' AND id = standing.webhook OFFSET 0
        )
    )
SELECT webhook FROM standing
WHERE NOT EXISTS (
    SELECT 1 FROM resource WHERE kind = 'webhook' AND id = standing.webhook OFFSET 0
)
