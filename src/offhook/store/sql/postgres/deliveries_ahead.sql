-- From where on endpoints that are enabled have not come to the log.
SELECT
    resource.id, start.partition,
    greatest(
        start.position,
        least(
            coalesce(held.from_position - 1, coalesce(lease.cursor, 0)), coalesce(lease.cursor, 0)
        )
    ) + 1,
    NULL
FROM resource
JOIN webhook_start AS start ON start.webhook = resource.id
LEFT JOIN held ON held.partition = start.partition AND held.webhook = resource.id
LEFT JOIN lease ON lease.consumer = :consumer AND lease.partition = start.partition
WHERE resource.kind = 'webhook'
    AND resource.account = :account
    AND (:webhook::text IS NULL OR resource.id = :webhook::text)
    AND coalesce((resource.document::jsonb ->> 'enabled')::boolean, true)
