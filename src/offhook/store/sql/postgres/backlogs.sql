-- Webhooks are found by skipping through the index; what those left that are gone does not count.
-- What stands first in a partition is its oldest.
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

endpoint (webhook) AS (
    SELECT webhook FROM waiting
    WHERE EXISTS (
        SELECT 1 FROM resource WHERE kind = 'webhook' AND id = waiting.webhook OFFSET 0
    )
),

oldest (partition, position) AS (
    SELECT number.partition, min(first.position)
    FROM endpoint
    CROSS JOIN generate_series(0, :partitions::integer - 1) AS number (partition)
    CROSS JOIN LATERAL (
        SELECT position FROM pending
        WHERE webhook = endpoint.webhook AND partition = number.partition
            AND (state = ANY ('{retry,waiting}')) IS TRUE
        ORDER BY position
        LIMIT 1
    ) AS first
    GROUP BY number.partition
)

SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM endpoint
            CROSS JOIN LATERAL (
                SELECT 1 FROM pending
                WHERE webhook = endpoint.webhook AND (state = ANY ('{retry,waiting}')) IS TRUE
                LIMIT :most::integer
            ) AS own
            LIMIT :most::integer
        ) AS live
    ),
    (
        SELECT count(*) FROM (
            SELECT 1 FROM endpoint
            CROSS JOIN generate_series(0, :partitions::integer - 1) AS number (partition)
            CROSS JOIN LATERAL (
                SELECT 1 FROM pending
                WHERE partition = number.partition AND webhook = endpoint.webhook
                    AND due_ms IS NOT NULL AND replay IS NULL
                    AND due_ms <= (SELECT offhook_now(:now_ms::bigint))
                LIMIT :most::integer
            ) AS own
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
