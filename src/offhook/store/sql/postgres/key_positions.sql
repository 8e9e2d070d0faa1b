-- The timeline of a key, walked backwards from its head.
WITH RECURSIVE
    chain (position) AS (
        SELECT coalesce(
            (SELECT last_position FROM call WHERE account = :account AND id = :key),
            (SELECT last_position FROM key_head WHERE account = :account AND key = :key),
            (
                SELECT position FROM event
                WHERE account = :account AND id = :key AND key = :key AND partition = :partition::integer
                LIMIT 1
            )
        )
        UNION ALL
        SELECT event.previous FROM chain
        CROSS JOIN LATERAL (
            SELECT own.previous FROM event AS own
            WHERE own.partition = :partition::integer AND own.position = chain.position
            LIMIT 1
        ) AS event
        WHERE event.previous > :after::bigint
    )
SELECT position FROM chain
WHERE position IS NOT NULL
LIMIT :limit::bigint
