-- The next webhook that is not there any more and left rows. Webhooks are found by skipping through
-- the index, up to the first of that kind.
WITH RECURSIVE standing (webhook) AS (
    SELECT min(webhook) FROM pending WHERE webhook > :after
    UNION ALL
    SELECT (SELECT min(pending.webhook) FROM pending WHERE pending.webhook > standing.webhook)
    FROM standing
    WHERE EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = standing.webhook)
)
SELECT webhook FROM standing
WHERE webhook IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = standing.webhook)
