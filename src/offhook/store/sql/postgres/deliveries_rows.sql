-- Rows of deliveries, the newest places of each look.
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
            pending.position,
            pending.since_ms AS made_ms,
            pending.account = :account
            AND (:states::text[] IS NULL OR pending.state = ANY(:states::text[]))
            AND (
                :types::text[] IS NULL
                OR pending.event_type = ANY(:types::text[])
                OR EXISTS (
                    SELECT 1 FROM unnest(:prefixes::text[]) AS prefix
                    WHERE starts_with(pending.event_type, prefix)
                )
            ) AS fits
        FROM pending
        WHERE pending.webhook = place.webhook
            AND pending.partition = place.partition
            AND pending.position > place.after
            AND pending.position <= place.through
        ORDER BY pending.position DESC
        LIMIT :most::bigint
    ) AS looked
) AS seen
WHERE (seen.fits OR seen.number = :most::bigint)
    AND EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = place.webhook OFFSET 0)
