-- With the stamp of the configuration in the same snapshot, also where there are no events.
SELECT version.stamp, found.*
FROM (SELECT coalesce(sum(config_version), 0)::bigint AS stamp FROM account) AS version
LEFT JOIN LATERAL (
    SELECT
        partition, position, id, account, type, key, sequence, created_ms, test, historical,
        headers, data
    FROM event
    WHERE partition = :partition::integer
        AND position > :after::bigint
        AND created_ms >= :since_ms::bigint
    ORDER BY position
    LIMIT :limit::bigint
) AS found ON true
