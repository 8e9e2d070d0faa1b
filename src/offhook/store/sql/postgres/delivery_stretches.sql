-- From where on endpoints have not come to the log, or, while they are disabled, all that they were
-- ever to get of it.
SELECT
    own.id, start.partition,
    CASE WHEN own.enabled
        THEN greatest(
            start.position,
            least(
                coalesce(held.from_position - 1, coalesce(lease.cursor, 0)),
                coalesce(lease.cursor, 0)
            )
        )
        ELSE greatest(start.position, coalesce(head.trimmed_position, 0))
    END + 1,
    own.enabled
FROM (
    SELECT
        resource.id,
        coalesce((resource.document::jsonb ->> 'enabled')::boolean, true) AS enabled
    FROM resource
    WHERE resource.kind = 'webhook'
        AND resource.account = :account
        AND (:webhook::text IS NULL OR resource.id = :webhook::text)
) AS own
JOIN webhook_start AS start ON start.webhook = own.id
LEFT JOIN partition_head AS head ON head.partition = start.partition
LEFT JOIN held ON held.partition = start.partition AND held.webhook = own.id
LEFT JOIN lease ON lease.consumer = :consumer AND lease.partition = start.partition
