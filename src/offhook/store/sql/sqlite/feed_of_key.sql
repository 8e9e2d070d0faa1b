-- The timeline of a key is walked backwards from its head.
WITH RECURSIVE
    chain (position) AS (
        SELECT coalesce(
            (SELECT last_position FROM call WHERE account = :account AND id = :key),
            (SELECT last_position FROM key_head WHERE account = :account AND key = :key),
            (SELECT position FROM event WHERE account = :account AND id = :key AND key = :key)
        )
        UNION ALL
        SELECT event.previous FROM chain
        CROSS JOIN event ON event.position = chain.position
        WHERE event.previous > :after
    )
SELECT
    json_group_array(
        json_array(
            position, id, account, type, key, sequence, created_ms, test, historical,
            json(headers), length(data)
        )
    ),
    cast(group_concat(data, '') AS BLOB)
FROM (
    SELECT event.* FROM chain
    CROSS JOIN event ON event.position = chain.position
    WHERE event.position > :after AND event.position <= :through
        AND (
            :types IS NULL
            OR event.type IN (SELECT value FROM json_each(:types))
            OR EXISTS (
                SELECT 1 FROM json_each(:prefixes) AS prefix
                WHERE substr(event.type, 1, length(prefix.value)) = prefix.value
            )
        )
    ORDER BY event.position
    LIMIT :limit
)
