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
SELECT json_group_array(position)
FROM (
    SELECT chain.position FROM chain
    CROSS JOIN event ON event.position = chain.position
    LIMIT :limit
)
