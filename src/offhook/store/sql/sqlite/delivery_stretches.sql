-- From where on endpoints have not come to the log, or, while they are disabled, all that they were
-- ever to get of it.
SELECT
    json_group_array(
        json_array(
            resource.id,
            start.partition,
            iif(
                coalesce(resource.document ->> 'enabled', 1),
                max(
                    start.position,
                    min(
                        coalesce(held.from_position - 1, coalesce(lease.cursor, 0)),
                        coalesce(lease.cursor, 0)
                    )
                ),
                max(start.position, coalesce(head.trimmed_position, 0))
            ) + 1,
            json(iif(coalesce(resource.document ->> 'enabled', 1), 'true', 'false'))
        )
    )
FROM resource
CROSS JOIN webhook_start AS start ON start.webhook = resource.id
LEFT JOIN partition_head AS head ON head.partition = start.partition
LEFT JOIN held ON held.partition = start.partition AND held.webhook = resource.id
LEFT JOIN lease ON lease.consumer = :consumer AND lease.partition = start.partition
WHERE resource.kind = 'webhook'
    AND resource.account = :account
    AND (:webhook IS NULL OR resource.id = :webhook)
