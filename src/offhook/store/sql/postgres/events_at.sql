-- From the log, else from what is kept of it for the sake of rows that name it.
SELECT event.*
FROM unnest(:positions::bigint[]) AS wanted (position)
CROSS JOIN LATERAL (
    (
        SELECT
            own.partition, own.position, own.id, own.account, own.type, own.key, own.sequence,
            own.created_ms, own.test, own.historical, own.headers, own.data
        FROM event AS own
        WHERE own.partition = :partition::integer AND own.position = wanted.position
        LIMIT 1
    )
    UNION ALL
    SELECT
        kept.partition, kept.position, kept.id, kept.account, kept.type, kept.key, kept.sequence,
        kept.created_ms, kept.test, kept.historical, kept.headers, kept.data
    FROM event_kept AS kept
    WHERE kept.partition = :partition::integer AND kept.position = wanted.position
    LIMIT 1
) AS event
