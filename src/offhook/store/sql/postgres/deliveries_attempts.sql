-- Deliveries that were tried, the newest places of each look. ``accepted`` asks for those that were
-- and have no live row, or for those that never were and have none. What is asked of a row in a
-- subquery ends in OFFSET 0: it is asked row by row, never of the whole table at once.
SELECT
    place.number - 1 AS look, seen.position, seen.fits, seen.number = :most::bigint AS last,
    coalesce(
        (
            SELECT event.created_ms FROM event
            WHERE event.partition = place.partition AND event.position = seen.position
            LIMIT 1
        ),
        (
            SELECT kept.created_ms FROM event_kept AS kept
            WHERE kept.partition = place.partition AND kept.position = seen.position
        ),
        seen.made_ms
    ) AS created_ms
FROM unnest(
    :webhooks::text[], :partitions::integer[], :after::bigint[], :through::bigint[]
) WITH ORDINALITY AS place (webhook, partition, after, through, number)
CROSS JOIN LATERAL (
    SELECT
        looked.position, looked.fits, looked.made_ms,
        row_number() OVER (ORDER BY looked.position DESC) AS number
    FROM (
        SELECT
            tried.position,
            tried.made_ms,
            tried.own
            AND (
                :accepted::boolean IS NULL
                OR (
                    tried.accepted = :accepted::boolean
                    AND NOT EXISTS (
                        SELECT 1 FROM pending
                        WHERE pending.webhook = place.webhook
                            AND pending.partition = place.partition
                            AND pending.position = tried.position
                            AND (pending.replay IS NULL OR NOT :accepted::boolean)
                            AND EXISTS (
                                SELECT 1 FROM resource
                                WHERE kind = 'webhook' AND id = place.webhook
                                OFFSET 0
                            )
                        OFFSET 0
                    )
                )
            ) AS fits
        FROM (
            SELECT
                attempt.position,
                min(attempt.started_ms) AS made_ms,
                bool_or(attempt.accepted) AS accepted,
                bool_or(
                    attempt.account = :account
                    AND (
                        :types::text[] IS NULL
                        OR attempt.event_type = ANY(:types::text[])
                        OR EXISTS (
                            SELECT 1 FROM unnest(:prefixes::text[]) AS prefix
                            WHERE starts_with(attempt.event_type, prefix)
                        )
                    )
                ) AS own
            FROM attempt
            WHERE attempt.webhook = place.webhook
                AND attempt.partition = place.partition
                AND attempt.position > place.after
                AND attempt.position <= place.through
            GROUP BY attempt.position
            ORDER BY attempt.position DESC
            LIMIT :most::bigint
        ) AS tried
    ) AS looked
) AS seen
WHERE seen.fits OR seen.number = :most::bigint
