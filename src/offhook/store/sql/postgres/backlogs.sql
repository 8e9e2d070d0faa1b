-- Webhooks are found by skipping through the index. What stands first in a partition is its oldest.
WITH RECURSIVE waiting (webhook) AS (
    SELECT min(webhook) FROM pending WHERE (state = ANY ('{retry,waiting}')) IS TRUE
    UNION ALL
    SELECT (
        SELECT min(pending.webhook) FROM pending
        WHERE pending.webhook > waiting.webhook AND (state = ANY ('{retry,waiting}')) IS TRUE
    )
    FROM waiting
    WHERE waiting.webhook IS NOT NULL
),

oldest (partition, position) AS (
    SELECT number.partition, min(first.position)
    FROM waiting
    CROSS JOIN generate_series(0, :partitions::integer - 1) AS number (partition)
    CROSS JOIN LATERAL (
        SELECT position FROM pending
        WHERE webhook = waiting.webhook AND partition = number.partition
            AND (state = ANY ('{retry,waiting}')) IS TRUE
        ORDER BY position
        LIMIT 1
    ) AS first
    WHERE waiting.webhook IS NOT NULL
    GROUP BY number.partition
)

SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM pending WHERE (state = ANY ('{retry,waiting}')) IS TRUE LIMIT :most::integer
        ) AS live
    ),
    (
        SELECT count(*) FROM (
            SELECT 1 FROM pending
            WHERE due_ms IS NOT NULL AND replay IS NULL AND due_ms <= offhook_now(:now_ms::bigint)
            LIMIT :most::integer
        ) AS overdue
    ),
    (SELECT count(*) FROM held),
    (
        SELECT min(coalesce(
            (
                SELECT created_ms FROM event
                WHERE partition = oldest.partition AND position = oldest.position
            ),
            (
                SELECT created_ms FROM event_kept
                WHERE partition = oldest.partition AND position = oldest.position
            )
        ))
        FROM oldest
    ),
    (SELECT count(*) FROM endpoint_health WHERE failures > 0),
    (SELECT count(*) FROM resource WHERE kind = 'webhook' AND disabled_reason IS NOT NULL)
