-- The next of each partition, then the oldest of these. ``pages`` holds of every partition the
-- positions (after, through] that may be looked at.
SELECT
    found.partition, found.position, found.id, found.account, found.type, found.key,
    found.sequence, found.created_ms, found.test, found.historical, found.headers, found.data
FROM unnest(:partitions::integer[], :after::bigint[], :through::bigint[])
    AS page (partition, after, through)
CROSS JOIN LATERAL (
    SELECT * FROM event
    WHERE event.partition = page.partition
        AND event.position > page.after AND event.position <= page.through
        AND event.account = :account
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
) AS found
ORDER BY found.created_ms, found.partition, found.position
LIMIT :limit::bigint
