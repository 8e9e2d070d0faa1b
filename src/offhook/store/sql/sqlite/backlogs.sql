-- Webhooks are found by skipping through the index; what those left that are gone does not count.
-- What stands first in the log is the oldest.
WITH RECURSIVE waiting (webhook) AS (
    SELECT min(webhook) FROM pending INDEXED BY pending_live
    WHERE state = 'retry' OR state = 'waiting'
    UNION ALL
    SELECT (
        SELECT min(pending.webhook) FROM pending INDEXED BY pending_live
        WHERE pending.webhook > waiting.webhook AND (state = 'retry' OR state = 'waiting')
    )
    FROM waiting
    WHERE waiting.webhook IS NOT NULL
),

endpoint (webhook) AS (
    SELECT webhook FROM waiting
    WHERE EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = waiting.webhook)
),

oldest (position) AS (
    SELECT min((
        SELECT pending.position FROM pending INDEXED BY pending_live
        WHERE pending.webhook = endpoint.webhook AND (state = 'retry' OR state = 'waiting')
        ORDER BY partition, position
        LIMIT 1
    ))
    FROM endpoint
)

SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM endpoint
            CROSS JOIN pending INDEXED BY pending_live
                ON pending.webhook = endpoint.webhook
                AND (pending.state = 'retry' OR pending.state = 'waiting')
            LIMIT :most
        )
    ),
    (
        SELECT count(*) FROM (
            SELECT 1 FROM endpoint
            CROSS JOIN pending INDEXED BY pending_due
                ON pending.partition = :partition
                AND pending.webhook = endpoint.webhook
                AND pending.due_ms IS NOT NULL AND pending.replay IS NULL
                AND pending.due_ms <= :now_ms
            LIMIT :most
        )
    ),
    (SELECT count(*) FROM held),
    coalesce(
        (SELECT created_ms FROM event WHERE position = (SELECT position FROM oldest)),
        (SELECT created_ms FROM event_kept WHERE position = (SELECT position FROM oldest))
    ),
    (SELECT count(*) FROM endpoint_health WHERE failures > 0),
    (SELECT count(*) FROM resource WHERE kind = 'webhook' AND disabled_reason IS NOT NULL)
