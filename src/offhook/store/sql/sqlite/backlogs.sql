-- Webhooks are found by skipping through the index. What stands first in the log is the oldest.
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

oldest (position) AS (
    SELECT min((
        SELECT pending.position FROM pending INDEXED BY pending_live
        WHERE pending.webhook = waiting.webhook AND (state = 'retry' OR state = 'waiting')
        ORDER BY partition, position
        LIMIT 1
    ))
    FROM waiting
    WHERE waiting.webhook IS NOT NULL
)

SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM pending INDEXED BY pending_live
            WHERE state = 'retry' OR state = 'waiting'
            LIMIT :most
        )
    ),
    (
        SELECT count(*) FROM (
            SELECT 1 FROM pending INDEXED BY pending_due
            WHERE due_ms IS NOT NULL AND replay IS NULL AND due_ms <= :now_ms
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
