SELECT
    event.partition, event.position, event.id, event.account, event.type, event.key,
    event.sequence, event.created_ms, event.test, event.historical, event.headers, event.data
FROM unnest(:positions::bigint[]) AS wanted (position)
CROSS JOIN LATERAL (
    SELECT * FROM event AS own
    WHERE own.partition = :partition::integer AND own.position = wanted.position
    LIMIT 1
) AS event
WHERE event.position > :after::bigint AND event.position <= :through::bigint
    AND (
        :types::text[] IS NULL
        OR event.type = ANY(:types::text[])
        OR EXISTS (
            SELECT 1 FROM unnest(:prefixes::text[]) AS prefix
            WHERE starts_with(event.type, prefix)
        )
    )
ORDER BY event.position
LIMIT :limit::bigint
