SELECT
    request.id, request.kind, request.webhook, request.partition, request.position,
    own.webhook, own.partition, own.position, own.account, own.event_id, own.event_type, own.key,
    own.lane, own.state, own.number, own.due_ms, own.since_ms, own.failed_ms,
    own.late, own.replay, own.reason
FROM (
    SELECT oldest.* FROM unnest(:asked::integer[]) AS wanted (partition)
    CROSS JOIN LATERAL (
        SELECT * FROM dispatch_request
        WHERE dispatch_request.partition = wanted.partition
        ORDER BY dispatch_request.id
        LIMIT :limit
    ) AS oldest
    ORDER BY oldest.id
    LIMIT :limit
) AS request
LEFT JOIN LATERAL (
    SELECT * FROM pending
    WHERE pending.webhook = request.webhook
        AND pending.partition = request.partition
        AND pending.position = request.position
    LIMIT 1
) AS own ON true
ORDER BY request.id
